"""``make bench``: every bench, or those named on the command line: jobs, inflight, growth, media."""

import asyncio
import os
import sys

from bench import growth, inflight, jobs, sandbox_media

BENCHES = ("jobs", "inflight", "growth", "media")


def main() -> None:
    """Run benches; ``SOUK_BENCH_DATABASE_URL`` adds PostgreSQL to those that use a database."""
    postgres = os.environ.get("SOUK_BENCH_DATABASE_URL", "")
    for name in sys.argv[1:] or BENCHES:
        print(f"== {name}", flush=True)
        match name:
            case "jobs":
                for url in filter(None, ("sqlite", postgres)):
                    jobs.run("" if url == "sqlite" else url)
            case "inflight":
                inflight.run()
            case "growth":
                growth.run()
            case "media":
                asyncio.run(sandbox_media.measure(1))
            case _:
                sys.exit(f"there is no bench {name}; there are {', '.join(BENCHES)}")


if __name__ == "__main__":
    main()
