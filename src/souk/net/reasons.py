"""Why a request brought no answer, in words that hold no part of its address."""

import ssl

import aiohttp

from souk.net.connecting import NotConnected, TooSlow, Unresolved
from souk.net.wire import CutOff, Disconnected, NotHttp


def reason_of(error: BaseException, timeout: float) -> str:
    """A sentence for the person who must act. ``timeout`` is what the call was given, in seconds."""
    match error:
        case Unresolved() | aiohttp.ClientConnectorDNSError():
            return "the host name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "the TLS connection failed; check the certificate and that the port speaks https"
        case TooSlow() | aiohttp.ConnectionTimeoutError():
            return "the connection could not be made in time"
        case TimeoutError():
            return f"no whole answer within {timeout:g} s"
        case aiohttp.ClientConnectorError():
            return f"the connection failed ({error.os_error.strerror or 'no reason given'})"
        case NotConnected():
            return f"the connection failed ({error.strerror})"
        case Disconnected() | aiohttp.ServerDisconnectedError():
            return "the server closed the connection without an answer"
        case CutOff() | aiohttp.ClientPayloadError():
            return "the answer was cut off"
        case NotHttp():
            return str(error)
        case OSError() if error.strerror:
            return f"the exchange broke off ({error.strerror})"
        case _:
            return f"the exchange broke off ({type(error).__name__})"
