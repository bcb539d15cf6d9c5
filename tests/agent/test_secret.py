"""What stands under a secret name is in no byte of the stream.

SPDX-License-Identifier: MIT
"""
import textwrap

import pxs
import pytest

pytestmark = pytest.mark.smoke

SECRET_NAMES = [
    "password", "db_password", "DB_PASSWORD", "dbPassword", "X-Api-Key",
    "apikey", "api_keys", "apiKey", "secretToken", "AWS_SECRET_ACCESS_KEY",
    "passwd", "user.pwd", "cookie", "Set-Cookie", "cookies", "Authorization",
    "credentials", "private_key", "privateKey", "HTTPCookie", "token2",
    "passphrase"]
PLAIN_NAMES = [
    "passenger", "tokenizer", "secretary", "compass", "apiary", "keypad",
    "key", "author", "cooked", "spwd", "path", "api", "private"]

PROGRAM = textwrap.dedent("""
    import collections, contextvars, json, sys, pyexplore
    secret_names, plain_names = json.loads(sys.argv[2])

    SEEN = []
    def value(name):
        # made at run time, so that no constant of the program has it
        made = "{}{}{}".format("hunter", len(SEEN), "x" * 8)
        SEEN.append(made)
        return made

    class Instance: pass
    class Slots: __slots__ = ("password", "plain", "_Slots__token")

    class Wide: __slots__ = ["s%d" % n for n in range(100)] + ["password"]

    Login = collections.namedtuple("Login", "password plain")

    def closure(password):
        def inner(): return password
        return inner

    def generator(secret):
        yield secret

    def run():
        hidden, shown = [], []
        by_name = {n: value(n) for n in secret_names}
        hidden += by_name.values()
        by_bytes = {n.encode(): value(n) for n in secret_names}
        hidden += by_bytes.values()
        pairs = [(n, value(n)) for n in secret_names]
        hidden += [v for _, v in pairs]
        lists = [[n, value(n)] for n in secret_names]
        hidden += [v for _, v in lists]
        headers = [(n.encode(), value(n).encode()) for n in secret_names]
        hidden += [v.decode() for _, v in headers]
        instance = Instance()
        instance.password = value("attribute")
        with_dict = Instance()
        with_dict.api_key = value("attribute of a dict")
        with_dict.__dict__
        slots = Slots()
        slots.password, slots.plain = value("slot"), value("plain slot")
        slots._Slots__token = value("private slot")
        wide = Wide()
        wide.s99, wide.password = value("late slot"), value("last slot")
        hidden += [instance.password, with_dict.api_key, slots.password,
                   slots._Slots__token, wide.password]
        shown.append(wide.s99)
        variable = contextvars.ContextVar("api_token", default=value("default"))
        used = [variable.set(value("old")), variable.set(value("new"))]
        hidden += [variable.get(), used[1].old_value,
                   contextvars.Context().run(variable.get)]
        open_one = contextvars.ContextVar("plain", default=value("default"))
        shown.append(open_one.get())
        shown.append(slots.plain)
        kept = closure(value("cell"))
        hidden.append(kept())
        def default(plain, password=value("default")): pass
        hidden.append(default.__defaults__[0])
        login = Login(value("field"), value("plain field"))
        hidden.append(login.password)
        shown.append(login.plain)
        running = generator(value("generator"))
        hidden.append(next(running))
        password = value("local")
        hidden.append(password)
        plain = {n: value(n) for n in plain_names}
        shown += plain.values()
        # only their texts outside, reversed: never the strings themselves
        print(json.dumps([[v[::-1] for v in hidden], [v[::-1] for v in shown]]))
        del hidden, shown, SEEN[:]
        pyexplore.snapshot(sys.argv[1])
        print("done", flush=True)
    run()
""")


@pytest.fixture
def secrets(spawn, tmp_path):
    import json
    path = tmp_path / "secret.pxs"
    target = spawn(PROGRAM, str(path), json.dumps([SECRET_NAMES, PLAIN_NAMES]))
    hidden, shown = json.loads(target.line())
    assert target.line() == "done"
    return path, [v[::-1] for v in hidden], [v[::-1] for v in shown]


def all_bytes(path):
    """Every chunk as it is before compression, in one piece."""
    raw = []
    pxs_bytes = path.read_bytes()
    at = len(pxs.MAGIC)
    import struct
    while at < len(pxs_bytes):
        kind, codec, _, n_raw, n_stored = struct.unpack_from(
            "<HBBII", pxs_bytes, at)
        at += 24
        raw.append(pxs._unpack(codec, pxs_bytes[at:at + n_stored], n_raw))
        at += n_stored
    return b"\0".join(bytes(r) for r in raw)


def test_secrets_are_in_no_byte(secrets):
    path, hidden, shown = secrets
    data = all_bytes(path)
    assert len(hidden) == 5 * len(SECRET_NAMES) + 13
    assert [v for v in hidden if v.encode() in data] == []
    # and the same places do show what is no secret
    assert [v for v in shown if v.encode() not in data] == []


def test_secrets_are_said_to_be_hidden(secrets):
    path, hidden, _ = secrets
    snap = pxs.read(str(path))
    marked = [a for a, (form, _) in snap.previews.items()
              if form == pxs.PREVIEW["SECRET"]]
    assert len(marked) >= len(hidden)


@pytest.mark.parametrize("detail", ["types", "names"])
def test_lower_details_have_no_values_at_all(spawn, tmp_path, detail):
    path = tmp_path / "low.pxs"
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        value = "".join(["a value", " of mine"])
        keyed = {"".join(["not an", " identifier"]): [value]}
        interned = [sys.intern("".join(["a_constant", "_of_the_source"]))]
        interned.append({text: text for text in interned})
        pyexplore.snapshot(sys.argv[1], detail=sys.argv[2])
        print("done", flush=True)
    """), str(path), detail)
    assert target.line() == "done"
    data = all_bytes(path)
    assert b"a value of mine" not in data
    assert b"not an identifier" not in data
    assert b"a_constant_of_the_source" not in data
    assert not pxs.read(str(path)).previews


def test_what_everybody_shares_is_not_hidden(spawn, tmp_path):
    """None, small numbers, one letter and a word that is somebody's name are
    the same objects everywhere: a secret name over one hides none of them.
    A password that is written in the source stays hidden."""
    path = tmp_path / "shared.pxs"
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        shared = [None, True, False, 7, -5, 256, "x", "", b"x", "shared_word"]
        named = {"shared_word": 1}
        written = "written_in_the_source"
        many = [{"password": value} for value in shared]
        hidden = {"password": written, "token": 257 + len(many)}
        pyexplore.snapshot(sys.argv[1])
        print(id(written), id(hidden["token"]), *map(id, shared), flush=True)
    """), str(path))
    written, number, *shared = [int(word) for word in target.line().split()]
    snap = pxs.read(str(path))
    secret = pxs.PREVIEW["SECRET"]
    assert snap.previews[written][0] == snap.previews[number][0] == secret
    assert [snap.previews[a][0] == secret for a in shared] == [
        False] * len(shared)
