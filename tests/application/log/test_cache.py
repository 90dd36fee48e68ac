from application.log.cache import Cache


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    cache = Cache(size=10)
    for key in range(100):
        cache.put(key, (key, None))
        assert cache.find(0) == (0, None)
    assert cache.find(99) == (99, None)
    assert cache.find(50) is None


def test_it_never_holds_more_than_its_size() -> None:
    cache = Cache(size=10)
    for key in range(1_000):
        cache.put(key % 37, (key, None))
        cache.find(key % 5)
    assert sum(cache.find(key) is not None for key in range(37)) == 10


def test_as_many_as_fit_stay_in_any_order() -> None:
    cache = Cache(size=10)
    for _ in range(3):
        for key in range(10):
            cache.find(key)
            cache.put(key, (key, None))
    assert [cache.find(key) for key in range(10)] == [(key, None) for key in range(10)]


def test_what_is_dropped_is_gone() -> None:
    cache = Cache(size=10)
    for key in range(8):
        cache.put(key, (1, None))
    cache.drop([1, 7, 99])
    assert [cache.find(key) for key in (1, 7)] == [None, None]
    assert cache.find(2) == (1, None)
    cache.clear()
    assert cache.find(2) is None


def test_a_newer_version_takes_the_place_of_an_older_one() -> None:
    cache = Cache(size=4)
    cache.put(1, (1, "old"))
    for key in range(2, 4):
        cache.put(key, (1, None))
    cache.put(1, (2, "new"))
    for key in range(4, 6):
        cache.find(1)
        cache.put(key, (1, None))
    assert cache.find(1) == (2, "new")
