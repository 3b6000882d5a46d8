"""Every table, described once for both databases. Migrations are checked against this description.

Moments are milliseconds since the Unix epoch; credits are units of 0.0001 credit; flags are 0 or 1; JSON is kept as
text, so that what a client sent comes back in its own order.
"""

from souk.store.tables import accounts as accounts
from souk.store.tables import callbacks as callbacks
from souk.store.tables import files as files
from souk.store.tables import processes as processes
from souk.store.tables import tasks as tasks
from souk.store.tables.base import metadata as metadata
