"""The cluster file that a process of this machine would write."""

import os

from reelyard.cluster.runtime.cluster_file import ClusterFile, process_start


def cluster_file(pid: int | None = None, started: float | None = None) -> ClusterFile:
    pid = os.getpid() if pid is None else pid
    return ClusterFile(
        ray_address="127.0.0.1:1",
        url=None,
        pid=pid,
        token="hush",
        started_ms=0,
        pid_started=process_start(pid) or 0.0 if started is None else started,
    )
