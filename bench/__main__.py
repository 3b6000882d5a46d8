"""``make bench``: every bench, or those named: jobs, upstream, peers, chat, inflight, growth, media."""

import asyncio
import sys

from bench import chat, growth, inflight, jobs, sandbox_media, upstream
from bench.peers import compare
from tests.postgres import fresh_database, running_cluster

BENCHES = ("jobs", "upstream", "peers", "chat", "inflight", "growth", "media")


def main() -> None:
    """Run benches one after another, on a PostgreSQL of their own where one is needed."""
    for name in sys.argv[1:] or BENCHES:
        print(f"== {name}", flush=True)
        match name:
            case "jobs":
                jobs.run()
                with running_cluster(durable=True) as cluster:
                    with fresh_database(cluster.url("postgres"), "bench") as url:
                        jobs.run(url)
                    for processes, connections in ((1, 32), (2, 32), (1, 256), (2, 256)):
                        name = f"bench_{processes}_{connections}"
                        with fresh_database(cluster.url("postgres"), name) as url:
                            jobs.run_processes(url, processes, connections)
            case "upstream":
                upstream.run()
                with running_cluster(durable=True) as cluster:
                    with fresh_database(cluster.url("postgres"), "bench") as url:
                        upstream.run(url)
                    for engines in (1, 2):
                        with fresh_database(cluster.url("postgres"), f"bench{engines}") as url:
                            upstream.run_engines(url, engines)
            case "peers":
                compare.run()
            case "chat":
                chat.run()
            case "inflight":
                inflight.run()
                inflight.run_upstream()
            case "growth":
                for kind in growth.DATABASES:
                    growth.run(kind)
            case "media":
                asyncio.run(sandbox_media.measure(1))
            case _:
                sys.exit(f"there is no bench {name}; there are {', '.join(BENCHES)}")


if __name__ == "__main__":
    main()
