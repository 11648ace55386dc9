"""DBOS on PostgreSQL as the wake-up engine of many machines: it only calls `advance` for jobs that are due.

What is true stands in our own tables: leases and fences make it harmless that DBOS calls twice, late or not at all.
"""

import contextlib
import time

from retrain.workers.worker import Worker
from storage.jobs import leases, workers
from storage.jobs.workers import DatabaseAway
from storage.log import open_log

QUEUE = "retrain_advance"
_SWEEP_SECONDS = 2.0


def run(worker: Worker, sweep: float = _SWEEP_SECONDS) -> None:
    """Take part in the work until the worker is asked to stop; as many machines as wanted may run this.

    DBOS keeps its tables in the product's database, in a schema of its own called `dbos`.

    Raises
    ------
    ValueError
        If DBOS is not installed, or the database is not PostgreSQL.
    """
    database_url = worker.settings.database_url
    if not database_url.startswith("postgresql"):
        raise ValueError(f"DRIFT_DATABASE_URL must name PostgreSQL for DBOS; got {database_url.partition(':')[0]}.")
    try:
        from dbos import DBOS, DBOSConfig, SetEnqueueOptions, error
    except ImportError as fault:
        raise ValueError("dbos must be installed: pip install -r requirements-dbos.txt; got nothing.") from fault

    log = open_log(database_url)

    @DBOS.step()
    def advance(job_id: int) -> bool:
        ticket = None if worker.stop.is_set() else leases.claim(log, worker.id, worker.lease, job_id=job_id)
        if ticket is None:
            return False
        worker.hold(log, ticket)
        return True

    @DBOS.workflow(name=QUEUE)
    def advance_while_due(job_id: int) -> None:
        while advance(job_id):
            pass

    def wake(job_id: int) -> None:
        # The time is part of the name: a call that died with its machine must not block the job for ever.
        bucket = int(time.time() / (3 * worker.lease.total_seconds()))
        try:
            with SetEnqueueOptions(deduplication_id=f"{job_id}:{bucket}"):
                DBOS.enqueue_workflow(QUEUE, advance_while_due, job_id)
        except error.DBOSQueueDeduplicatedError:
            pass  # somebody is at it

    config = DBOSConfig(
        name="drift",
        system_database_url=database_url,
        application_version=QUEUE,  # a new release goes on with what an older one left
        executor_id=worker.id,
        log_level="ERROR",
    )
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=sweep / 4)
    try:
        while not worker.stop.wait(sweep):
            try:
                worker.beat(log)
                for job_id in leases.read_due_jobs(log):
                    wake(job_id)
            except DatabaseAway as fault:
                print(f"the database does not answer: {fault}", flush=True)
    finally:
        worker.end_children()
        DBOS.destroy(workflow_completion_timeout_sec=10)
        with contextlib.suppress(*DatabaseAway):  # its row goes by itself in a day
            workers.leave(log, worker.id)
        log.close()
