"""Orders on their way to the codec process."""

from __future__ import annotations

import asyncio

import pytest

from reelyard.actors.media.operation import Result
from reelyard.actors.worker.codec_process.order import WINDOW, Order, OrderQueue
from reelyard.cluster.errors import Cancelled


def queue_of(count: int) -> tuple[OrderQueue, list[Order]]:
    queue = OrderQueue()
    orders = [Order("trial", {}, [], "/tmp") for _ in range(count)]
    for order in orders:
        queue.add(order)
    return queue, orders


def send_all(queue: OrderQueue) -> list[Order]:
    sent = []
    while (order := queue.send_next()) is not None:
        sent.append(order)
    return sent


async def test_orders_are_sent_in_their_order_and_no_more_than_the_window() -> None:
    queue, orders = queue_of(WINDOW + 2)
    assert send_all(queue) == orders[:WINDOW]
    assert queue.head is orders[0]
    assert queue.waits


async def test_a_finished_order_makes_room_for_another_one() -> None:
    queue, orders = queue_of(WINDOW + 2)
    send_all(queue)
    assert queue.finish(orders[0].id) is orders[0]
    assert queue.head is orders[1]
    assert send_all(queue) == [orders[WINDOW]]


async def test_an_order_that_was_given_up_before_its_turn_leaves_the_others_in_theirs() -> None:
    queue, orders = queue_of(3)
    send_all(queue)
    assert queue.finish(orders[1].id) is orders[1]
    assert queue.head is orders[0]
    assert queue.finish(orders[0].id) is orders[0]
    assert queue.head is orders[2]


async def test_an_answer_to_an_order_that_was_not_sent_counts_for_nothing() -> None:
    queue, orders = queue_of(WINDOW + 1)
    send_all(queue)
    assert queue.finish(orders[-1].id) is None
    assert queue.finish(orders[-1].id + 1) is None
    assert queue.head is orders[0]


async def test_an_order_that_comes_back_can_be_run_elsewhere() -> None:
    _, [order] = queue_of(1)
    order.sent = order.recalled = True
    back: list[Order] = []
    order.on_return = back.append
    order.come_back()
    assert (back, order.sent, order.recalled, order.done.done()) == ([order], False, False, False)


async def test_a_dead_process_costs_the_running_order_and_the_others_wait_before_all_others() -> (
    None
):
    queue, orders = queue_of(3)
    send_all(queue)
    late = Order("trial", {}, [], "/tmp")
    queue.add(late)
    assert queue.lose_process() is orders[0]
    assert queue.head is None
    assert not any(order.sent for order in orders[1:])
    assert send_all(queue) == [orders[1], orders[2], late]


async def test_a_dead_process_that_had_no_order_costs_none() -> None:
    queue, orders = queue_of(1)
    assert queue.lose_process() is None
    assert send_all(queue) == orders


async def test_a_withdrawn_order_is_never_sent() -> None:
    queue, orders = queue_of(2)
    queue.withdraw(orders[0])
    assert send_all(queue) == [orders[1]]


async def test_an_emptied_queue_gives_every_order_once() -> None:
    queue, orders = queue_of(WINDOW + 1)
    send_all(queue)
    assert queue.empty() == orders
    assert queue.head is None
    assert not queue.waits


async def test_the_first_outcome_of_an_order_counts() -> None:
    order = Order("trial", {}, [], "/tmp")
    order.conclude(Cancelled())
    order.conclude(Result())
    with pytest.raises(Cancelled):
        await asyncio.wait_for(order.done, 1)
