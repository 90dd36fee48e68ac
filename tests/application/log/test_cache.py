from application.log.cache import NOTHING, Cache, Kept


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def kept(version: int) -> Kept:
    return version, "counter", b"state"


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    cache = Cache(size=10)
    for number in range(100):
        cache.put(key(number), kept(number))
        assert cache.find(key(0)) == kept(0)
    assert cache.find(key(99)) == kept(99)
    assert cache.find(key(50)) is None


def test_it_never_holds_more_than_its_size() -> None:
    cache = Cache(size=10)
    for number in range(1_000):
        cache.put(key(number % 37), kept(number))
        cache.find(key(number % 5))
    assert sum(cache.find(key(number)) is not None for number in range(37)) == 10


def test_as_many_as_fit_stay_in_any_order() -> None:
    cache = Cache(size=10)
    for _ in range(3):
        for number in range(10):
            cache.find(key(number))
            cache.put(key(number), kept(number))
    assert [cache.find(key(number)) for number in range(10)] == [kept(number) for number in range(10)]


def test_what_is_dropped_is_gone() -> None:
    cache = Cache(size=10)
    for number in range(8):
        cache.put(key(number), NOTHING)
    cache.drop([key(1), key(7), key(99)])
    assert [cache.find(key(number)) for number in (1, 7)] == [None, None]
    assert cache.find(key(2)) == NOTHING
    cache.clear()
    assert cache.find(key(2)) is None


def test_a_newer_version_takes_the_place_of_an_older_one() -> None:
    cache = Cache(size=4)
    cache.put(key(1), kept(1))
    for number in range(2, 4):
        cache.put(key(number), kept(1))
    cache.put(key(1), kept(2))
    for number in range(4, 6):
        cache.find(key(1))
        cache.put(key(number), kept(1))
    assert cache.find(key(1)) == kept(2)
