"""A test client keeps cookies as a browser does."""

from hagworm.testing.jar import CookieJar


def test_a_cookie_is_kept_and_sent_back() -> None:
    jar = CookieJar({"first": "1"})
    jar.learn("second=2; Path=/; HttpOnly; SameSite=Lax", "/login")
    assert jar.header("/anything") == "first=1; second=2"
    assert dict(jar) == {"first": "1", "second": "2"}


def test_the_path_decides_where_it_goes_and_the_longest_comes_first() -> None:
    jar = CookieJar()
    jar.learn("name=root; Path=/", "/")
    jar.learn("name=deep; Path=/a/b", "/")
    jar.learn("default=1", "/a/page")
    assert jar.header("/") == "name=root"
    assert jar.header("/a/b/c") == "name=deep; default=1; name=root"
    assert jar.header("/a/bc") == "default=1; name=root"
    assert (jar["name"], len(jar)) == ("deep", 2)


def test_a_cookie_is_forgotten_as_the_server_says() -> None:
    jar = CookieJar({"one": "1", "two": "2", "three": "3"})
    jar.learn("one=; Path=/; Max-Age=0", "/")
    jar.learn("two=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/")
    jar.learn("three=4; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/")
    assert jar.header("/") == "three=4"


def test_a_test_may_set_and_drop_its_own() -> None:
    jar = CookieJar()
    jar["name"] = "value"
    assert jar.header("/x", {"name": "other", "extra": "1"}) == "name=other; extra=1"
    del jar["name"]
    assert jar.header("/x") == ""
    jar.learn("without an equals sign", "/")
    assert not jar
