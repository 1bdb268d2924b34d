from __future__ import annotations

from typing import Any


def test_values_are_written_as_they_are(any_hook: Any) -> None:
    """Numbers keep their bits, text is text, and what is secret by name or shape is removed."""
    text = """
        import assay_hook

        class Scalar:
            size = 1
            def item(self):
                return 0.25

        assay_hook.log(step=3, a=0.1, b=2, c=float("nan"), d=-float("inf"), e="text", f=None, g=True, h=1e300)
        assay_hook.log(i=Scalar(), j=[1, 2], k=10**30, l="hf_" + "a1B2" * 8)
        assay_hook.log(api_key="abcd1234", password=12345678)
    """
    seen = any_hook.program(text)
    first, second, third = seen.of("log")
    second["values"].update(third["values"])
    assert first["n"] == 3
    assert first["values"] == {
        "a": 0.1,
        "b": 2,
        "c": "nan",
        "d": "-inf",
        "e": "text",
        "f": None,
        "g": True,
        "h": 1e300,
    }
    assert second["n"] is None
    removed = "[secret removed]"
    assert second["values"] == {
        "i": 0.25,
        "j": "[1, 2]",
        "k": 10**30,
        "l": removed,
        "api_key": removed,
        "password": removed,
    }
    assert second["t"] >= first["t"] > 1.7e9
    assert "could not be observed" not in seen.missed()


def test_a_call_is_one_row_with_its_line(any_hook: Any) -> None:
    """The row says where the call stands, and the step of the process where none was given."""
    text = """
        import assay_hook
        def tell(**values):
            assay_hook.log(**values)
        for loss in (0.5, 0.25):
            assay_hook.log(step=7, loss=loss)
        tell(other=0.5)
    """
    seen = any_hook.program(text)
    rows = seen.of("log")
    assert [(row["n"], row.get("s")) for row in rows] == [(7, None), (7, None), (None, 0)]
    assert [row["w"].rpartition(":")[2] for row in rows] == ["6", "6", "4"]
    assert not [row for row in seen.of("row") if row["kind"] == "log"]


def test_values_of_numpy_are_numbers(hook: Any) -> None:
    """Scalars and arrays with one element are logged as what they hold, larger arrays by their shape."""
    text = """
        import numpy, assay_hook
        assay_hook.log(a=numpy.float32(0.5), b=numpy.int64(3), c=numpy.array([2.0]), d=numpy.zeros((2, 3)))
    """
    (row,) = hook.program(text).of("log")
    assert row["values"] == {"a": 0.5, "b": 3, "c": 2.0, "d": "array of shape (2, 3)"}


def test_what_cannot_be_logged_does_not_stop_the_program(hook: Any) -> None:
    """An object that fails when it is asked leaves a sentence, and the program goes on."""
    text = """
        import assay_hook

        class Broken:
            size = 1
            def item(self):
                raise RuntimeError

        assay_hook.log(x=Broken())
        assay_hook.log(step="three", x=1)
        print("on")
    """
    seen = hook.program(text)
    assert (seen.status, seen.stdout, seen.stderr) == (0, "on\n", "")
    assert "a logged value could not be observed" in seen.missed()
