"""How many workers a pool gets."""

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.pool.sizing import (
    PENDING_S,
    TARGET_S,
    Load,
    WorkerView,
    bounds,
    desired_workers,
    plan_pool,
    restart_pause_s,
)
from reelyard.cluster.settings import PoolSettings

CPU = PoolSettings(min_workers=1, max_workers=4, idle_exit_s=60)
GPU = PoolSettings(min_workers=0, max_workers=8, gpus_per_worker=0.5)

views = st.lists(
    st.builds(
        WorkerView,
        slot=st.integers(1, 20).map(lambda number: f"media-cpu-{number}"),
        alive=st.booleans(),
        held=st.integers(0, 3),
        idle_s=st.floats(0, 1000),
        draining=st.booleans(),
        age_s=st.floats(0, 1000),
    ),
    unique_by=lambda view: view.slot,
    max_size=8,
)
loads = st.builds(Load, queued=st.integers(0, 1000), backlog_s=st.floats(0, 1e6))


def worker(number: int, **how: object) -> WorkerView:
    return WorkerView(slot=f"media-cpu-{number}", alive=True, **how)  # type: ignore[arg-type]


def test_an_empty_pool_gets_its_minimum() -> None:
    plan = plan_pool("cpu", CPU, [], Load(), gpus=0)
    assert plan.start == ["media-cpu-1"]
    assert plan.stop == []


def test_a_backlog_asks_for_workers_up_to_the_maximum() -> None:
    load = Load(queued=100, backlog_s=TARGET_S * 100)
    plan = plan_pool("cpu", CPU, [worker(1, held=1)], load, gpus=0)
    assert plan.start == ["media-cpu-2", "media-cpu-3", "media-cpu-4"]


def test_one_queued_task_behind_a_busy_worker_asks_for_one_more() -> None:
    assert desired_workers(1, 4, busy=1, load=Load(queued=1, backlog_s=0.1)) == 2


def test_no_more_workers_than_tasks_are_asked_for() -> None:
    assert desired_workers(0, 10, busy=0, load=Load(queued=2, backlog_s=TARGET_S * 9)) == 2


def test_an_idle_worker_above_the_minimum_goes_after_its_time() -> None:
    workers = [worker(1, idle_s=100), worker(2, idle_s=100), worker(3, idle_s=10)]
    assert plan_pool("cpu", CPU, workers, Load(), gpus=0).stop == ["media-cpu-2", "media-cpu-1"]


def test_a_busy_worker_is_never_stopped() -> None:
    workers = [worker(1, held=1, idle_s=0), worker(2, held=1, idle_s=0)]
    none = PoolSettings(min_workers=0, max_workers=1)
    assert plan_pool("cpu", none, workers, Load(), gpus=0).stop == []


def test_a_worker_that_waits_for_resources_is_given_up_first() -> None:
    pending = WorkerView(slot="media-cpu-1", alive=False, age_s=PENDING_S)
    plan = plan_pool("cpu", CPU, [pending, worker(2, idle_s=100)], Load(), gpus=0)
    assert plan.stop == ["media-cpu-1"]


def test_a_worker_that_has_just_been_asked_for_is_not_given_up() -> None:
    starting = WorkerView(slot="media-cpu-2", alive=False, age_s=1)
    assert plan_pool("cpu", CPU, [worker(1), starting], Load(), gpus=0).stop == []


def test_a_blocked_slot_is_not_started() -> None:
    assert plan_pool("cpu", CPU, [], Load(), gpus=0, blocked={"media-cpu-1"}).start == []


def test_a_gpu_pool_exists_only_where_there_are_gpus() -> None:
    assert bounds(GPU, gpus=0) == (0, 0)
    assert bounds(GPU, gpus=2) == (1, 4)


def test_a_gpu_pool_with_a_minimum_waits_for_gpus_to_come() -> None:
    asked = PoolSettings(min_workers=2, max_workers=8, gpus_per_worker=1)
    assert bounds(asked, gpus=0) == (2, 2)


def test_a_slot_that_keeps_dying_is_filled_ever_more_slowly() -> None:
    pauses = [restart_pause_s(deaths) for deaths in range(12)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0


@given(workers=views, load=loads)
def test_a_plan_never_passes_the_bounds(workers: list[WorkerView], load: Load) -> None:
    plan = plan_pool("cpu", CPU, workers, load, gpus=0)
    staying = [view for view in workers if not view.draining]
    if plan.start:
        assert len(staying) + len(plan.start) <= CPU.max_workers
    assert len(staying) - len(plan.stop) >= min(CPU.min_workers, len(staying))
    assert not (plan.start and plan.stop)


@given(workers=views, load=loads)
def test_a_plan_starts_only_free_slots(workers: list[WorkerView], load: Load) -> None:
    plan = plan_pool("cpu", CPU, workers, load, gpus=0)
    assert not {view.slot for view in workers} & set(plan.start)
    assert len(set(plan.start)) == len(plan.start)


@given(workers=views, load=loads)
def test_a_plan_stops_only_idle_or_unborn_workers(workers: list[WorkerView], load: Load) -> None:
    by_slot = {view.slot: view for view in workers}
    for slot in plan_pool("cpu", CPU, workers, load, gpus=0).stop:
        view = by_slot[slot]
        if view.alive:
            assert view.held == 0
            assert view.idle_s >= CPU.idle_exit_s
        else:
            assert view.age_s >= PENDING_S


@given(load=loads, busy=st.integers(0, 10), more=st.floats(0, 1e6))
def test_more_backlog_never_means_fewer_workers(load: Load, busy: int, more: float) -> None:
    larger = Load(load.queued + 1, load.backlog_s + more)
    assert desired_workers(1, 50, busy, larger) >= desired_workers(1, 50, busy, load)
