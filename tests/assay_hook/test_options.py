from __future__ import annotations

from typing import Any


def test_arguments_are_told_with_what_was_named(any_hook: Any) -> None:
    """Long, short, abbreviated, joined and positional arguments count as named, defaults do not."""
    text = """
        import argparse
        parser = argparse.ArgumentParser(fromfile_prefix_chars="@")
        parser.add_argument("data")
        parser.add_argument("extra", nargs="*")
        parser.add_argument("--learning-rate", type=float, default=0.1)
        parser.add_argument("-e", "--epochs", type=int, default=1)
        parser.add_argument("--flag", action="store_true")
        parser.add_argument("--other", action="store_true")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--from-file", default=None)
        parser.set_defaults(hidden=5)
        args = parser.parse_args()
        print(sorted(vars(args)))
    """
    any_hook.write("more", "--from-file=x\n")
    arguments = ("d.csv", "--learn=0.5", "-e3", "--flag", "@more")
    plain = any_hook.program(text, *arguments, recorded=False)
    seen = any_hook.program(text, *arguments)
    assert (seen.stdout, seen.stderr) == (plain.stdout, "")
    assert seen.settings() == {
        "arguments.data": ("d.csv", True),
        "arguments.extra": ([], False),
        "arguments.learning_rate": (0.5, True),
        "arguments.epochs": (3, True),
        "arguments.flag": (True, True),
        "arguments.other": (False, False),
        "arguments.seed": (0, False),
        "arguments.from_file": ("x", True),
        "arguments.hidden": (5, False),
    }
    assert {row["where"] for row in seen.of("setting")} == {f"{any_hook.folder}/train.py:13"}
    assert {row["source"] for row in seen.of("setting")} == {"arguments"}


def test_of_nested_parsers_the_outermost_tells(any_hook: Any) -> None:
    """The options of a subcommand are told once, with what the program gets."""
    text = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--seed", type=int, default=0)
        fit = parser.add_subparsers(dest="command").add_parser("fit")
        fit.add_argument("--lr", type=float, default=0.1)
        fit.add_argument("--decay", type=float, default=0.2)
        parser.parse_args(["fit", "--lr", "0.3"])
    """
    seen = any_hook.program(text)
    assert seen.settings() == {
        "arguments.seed": (0, False),
        "arguments.command": ("fit", True),
        "arguments.lr": (0.3, True),
        "arguments.decay": (0.2, False),
    }
    assert len(seen.of("setting")) == 4


def test_intermixed_arguments_keep_who_named_them(any_hook: Any) -> None:
    """A parser that goes over its arguments twice still tells which were given."""
    text = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("files", nargs="*")
        print(parser.parse_intermixed_args(["a", "--lr", "0.2", "b"]))
    """
    seen = any_hook.program(text)
    assert "files=['a', 'b']" in seen.stdout
    assert seen.settings() == {"arguments.lr": (0.2, True), "arguments.files": (["a", "b"], True)}


def test_a_usage_error_is_the_parsers_own(any_hook: Any) -> None:
    """The message and the exit code of a mistake are those without the hook."""
    text = "import argparse; p = argparse.ArgumentParser(); p.add_argument('--n', type=int); p.parse_args()"
    plain = any_hook.program(text, "--n", "x", recorded=False)
    seen = any_hook.program(text, "--n", "x")
    assert (seen.status, seen.stderr) == (2, plain.stderr)


def test_secret_values_are_removed(any_hook: Any) -> None:
    """A value whose name, number or shape says that it is secret is not written."""
    text = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--api-key")
        parser.add_argument("--password", type=int)
        parser.add_argument("--header", action="append")
        parser.add_argument("--pad-token", default="<pad>")
        parser.parse_args(["--api-key", "abcdefgh", "--password", "12345678", "--header", "hf_" + "a1B2" * 8])
    """
    seen = any_hook.program(text)
    values = {path: value for path, (value, _) in seen.settings().items()}
    assert values == {
        "arguments.api_key": "[secret removed]",
        "arguments.password": "[secret removed]",
        "arguments.header": ["[secret removed]"],
        "arguments.pad_token": "<pad>",
    }
    rest = str([row for row in seen.processes[0] if row["k"] != "code"])
    assert not any(secret in rest for secret in ("abcdefgh", "12345678", "a1B2"))


def test_parameters_of_click_are_told(hook: Any) -> None:
    """Options of a command and of its group come with whether they were given, hidden input never."""
    text = """
        import click

        @click.group()
        @click.option("--seed", default=0)
        def main(seed):
            pass

        @main.command()
        @click.argument("data")
        @click.option("--lr", default=0.1)
        @click.option("--depth", default=2, envvar="DEPTH")
        @click.option("--pin", hide_input=True, default="4711")
        def fit(data, lr, depth, pin):
            print(data, lr, depth, pin)

        main()
    """
    seen = hook.program(text, "--seed", "3", "fit", "d.csv", variables={"DEPTH": "5"})
    assert (seen.stdout, seen.stderr) == ("d.csv 0.1 5 4711\n", "")
    assert seen.settings() == {
        "arguments.seed": (3, True),
        "arguments.fit.data": ("d.csv", True),
        "arguments.fit.lr": (0.1, False),
        "arguments.fit.depth": (5, True),
        "arguments.fit.pin": ("[secret removed]", False),
    }


def test_a_configuration_of_hydra_is_told_as_composed(hook: Any) -> None:
    """Every leaf is told under its path, overrides applied, interpolations as written and never called."""
    hook.write("conf/config.yaml", "defaults: [optim: sgd, _self_]\nname: ${oc.env:HOME}\nlayers: [1, 2]\n")
    hook.write("conf/optim/sgd.yaml", "lr: 0.1\nmomentum: 0.9\nauth_token: abc123abc123abc123\nlimit: ???\n")
    text = """
        import hydra

        @hydra.main(version_base=None, config_path="conf", config_name="config")
        def main(config):
            print(config.optim.lr)

        main()
    """
    seen = hook.program(text, "optim.lr=0.5", "hydra.run.dir=.", "hydra.output_subdir=null")
    assert (seen.status, seen.stdout) == (0, "0.5\n")
    settings = {row["path"]: row for row in seen.of("setting") if row["source"] == "configuration"}
    values = {path: row["value"] for path, row in settings.items()}
    assert values == {
        "hydra.name": "${oc.env:HOME}",
        "hydra.layers": [1, 2],
        "hydra.optim.lr": 0.5,
        "hydra.optim.momentum": 0.9,
        "hydra.optim.auth_token": "[secret removed]",
        "hydra.optim.limit": "???",
    }
    assert settings["hydra.optim.lr"]["named"] is None
    assert settings["hydra.optim.lr"]["where"] == f"{hook.folder}/train.py:8"
