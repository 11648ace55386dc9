"""What is made once and used again."""

from concurrent.futures import ThreadPoolExecutor

from drift.monitor.memory import Memory


def test_of_each_kind_those_last_used_are_kept():
    memory = Memory()
    memory.keep(str, "other kind", "kept", at_most=1)
    for key in range(3):
        memory.keep(int, key, key * key, at_most=3)
    assert memory.recall(int, 0) == 0  # used again: now 1 is the oldest
    memory.keep(int, 3, 9, at_most=3)
    assert [memory.recall(int, key) for key in range(4)] == [0, None, 4, 9]
    assert memory.recall(str, "other kind") == "kept"


def test_a_thing_is_made_once():
    memory, made = Memory(), []
    assert [memory.once(list, "a", lambda: made.append(1) or [len(made)]) for _ in range(3)] == [[1]] * 3
    assert memory.recall(list, "b") is None


def test_threads_share_a_memory():
    memory = Memory()

    def use(key: int) -> int:
        memory.keep(int, key % 7, key % 7, at_most=5)
        return memory.once(int, key % 7, lambda: key % 7)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(use, range(2_000))) == [key % 7 for key in range(2_000)]
