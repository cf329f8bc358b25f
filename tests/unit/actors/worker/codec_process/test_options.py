"""Bounds of codec processes as the settings give them."""

from __future__ import annotations

from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.cluster.settings import Settings

SETTINGS = Settings(task_timeout_s=100, stall_timeout_s=10, codec_max_tasks=7, max_output_bytes=99)


def test_a_task_gets_the_cpu_time_that_its_threads_can_use_before_its_time_is_up() -> None:
    options = CodecOptions.of(SETTINGS, threads=3)
    assert (options.task_s, options.cpu_s) == (100, 400)
    assert (options.stall_s, options.max_tasks) == (10, 7)


def test_the_process_itself_hears_of_the_largest_file() -> None:
    message = configure_message(SETTINGS)
    assert message.file_bytes == message.limits.max_output_bytes == 99
