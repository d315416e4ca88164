"""Mutation testing: python -m tests.tools.mutation checkpoint optimizers losses [--sample 200].

mutmut makes the mutants, each one small change to a function; those that only word a message of an
error otherwise are left out. A mutant is killed if a test fails, or does not end. The tests are
collected once, and a fork for each mutant runs those that enter the changed function: its own
folder's first, quick ones before slow ones. What was found stands in .mutation/, one JSON line a
mutant, and is not run again; ``--again`` runs the survivors once more, with more ``--seconds``.
"""

import argparse
import ast
import gc
import json
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import CodeType, FunctionType
from unittest.mock import patch

os.environ.setdefault("HYPOTHESIS_PROFILE", "mutation")

import libcst as cst
import pytest
from mutmut.mutation.file_mutation import MutationVisitor, create_mutations

ROOT = Path(__file__).parents[2]
FOUND = ROOT / ".mutation"
PACKAGES = ("checkpoint", "optimizers", "losses", "layers")
TESTS = [
    *(f"{root}/{package}" for root in ("tests", "minidl") for package in PACKAGES),
    *(
        "tests/test_laws.py",
        "tests/checks/test_hyper_parameters.py",
        "tests/stories/test_bad_input.py",
    ),
    "tests/stories/test_integer_inputs.py",
]
TOO_LONG = 1000
LEFT_OUT = (
    "killed or another_process or another_program or hostile_file_takes or hostile_file_has "
    "or package_accepts_much or a_kill_at"
)
"""Tests whose work is done in other processes, which the mutant does not reach, and slow ones."""

VERDICTS = {0: "survived", 1: "killed", 2: "timeout", TOO_LONG: "timeout"}
"""By the exit status of the fork; any other is an error of this script, and kills nothing."""


class Strings(cst.CSTVisitor):
    """Find the strings that stand in a raise: how a message is worded is not tested."""

    def __init__(self):
        self.found, self.inside = set(), 0

    def visit_Raise(self, node):  # noqa: N802
        self.inside += 1

    def leave_Raise(self, original_node):  # noqa: N802
        self.inside -= 1

    def visit_SimpleString(self, node):  # noqa: N802
        if self.inside:
            self.found.add(id(node))


def functions(source):
    """Return (first line, last line) of each function that stands in a module or a class."""
    tree = ast.parse(source)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found = [n for body in (tree, *classes) for n in body.body if isinstance(n, kinds)]
    return [(min([n.lineno, *(d.lineno for d in n.decorator_list)]), n.end_lineno) for n in found]


def mutants(path, decorated=False):
    """Return the mutants of a file: for each its name, and what makes its source.

    mutmut leaves out functions with a decorator, and ``__new__``; `decorated` returns only these.
    """
    skips = MutationVisitor._skip_node_and_children

    def skips_no_function(visitor, node):
        return not isinstance(node, cst.FunctionDef) and skips(visitor, node)

    chosen = skips_no_function if decorated else skips
    with patch.object(MutationVisitor, "_skip_node_and_children", chosen):
        module, mutations, _, _ = create_mutations(str(path), path.read_text())
    strings = Strings()
    module.visit(strings)
    inside = [
        m for m in mutations if isinstance(m.contained_by_top_level_function, cst.FunctionDef)
    ]
    kept = [m for m in inside if id(m.original_node) not in strings.found]
    if decorated:
        kept = [m for m in kept if is_left_out(m.contained_by_top_level_function)]
    file = path.relative_to(ROOT).as_posix() + ("#decorated " if decorated else "#")
    return [(f"{file}{number}", module, mutation) for number, mutation in enumerate(kept)]


def is_left_out(function):
    """Tell whether mutmut leaves out a function."""
    names = [getattr(each.decorator, "value", None) for each in function.decorators]
    return function.name.value == "__new__" or names not in ([], ["classmethod"], ["staticmethod"])


def rendered(name, module, mutation):
    """Return a mutant as a dict: its place, what it changes, its source."""
    code = module.deep_replace(mutation.original_node, mutation.mutated_node).code
    before, after = module.code.splitlines(), code.splitlines()
    start = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    behind = zip(reversed(before[start:]), reversed(after[start:]), strict=False)
    end = next((n for n, (a, b) in enumerate(behind) if a != b), 0)
    removed, added = before[start : len(before) - end], after[start : len(after) - end]
    change = "\n".join([f"- {line}" for line in removed] + [f"+ {line}" for line in added])
    first = next(a for a, b in functions(module.code) if a <= start + 1 <= b)
    return {"name": name, "line": start + 1, "change": change, "function": first, "code": code}


def code_at(code, line):
    """Return the code object of the function or method that begins at a line."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_firstlineno == line and "__firstlineno__" not in constant.co_names:
                inner = code_at(constant, line)
                is_class = "__qualname__" in constant.co_names
                return inner if is_class else constant
            found = code_at(constant, line)
            if found is not None:
                return found
    return None


def defaults_at(code, line, module):
    """Return the mutated function's default values, worked out in the module as it is."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == line:
                node.decorator_list, node.returns = [], None
                for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                    argument.annotation = None
                namespace = dict(vars(module))
                exec(compile(ast.Module([node], []), "defaults", "exec"), namespace)
                function = namespace[node.name]
                return function.__defaults__, function.__kwdefaults__
    raise LookupError(line)


def apply(mutant, places):
    """Give the functions that stand at a mutant's line its code."""
    path = str(ROOT / mutant["name"].split("#")[0])
    code = code_at(compile(mutant["code"], path, "exec", dont_inherit=True), mutant["function"])
    for function in places[path, mutant["function"]]:
        module = sys.modules[function.__module__]
        defaults = defaults_at(mutant["code"], mutant["function"], module)
        function.__code__ = code
        function.__defaults__, function.__kwdefaults__ = defaults


def forked(work, patience):
    """Run `work` in a fork; return its exit status, or TOO_LONG."""
    child = os.fork()
    if not child:
        status = 99
        try:
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            os.chdir(tempfile.gettempdir())
            status = work()
        finally:
            os._exit(status)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG


class Driver:
    """A pytest plugin whose loop over the tests is one over the mutants."""

    def __init__(self, chosen, options, out):
        self.chosen, self.options, self.out, self.failed = chosen, options, out, False
        self.killer = FOUND / f"killer-{os.getpid()}"

    def pytest_runtest_logreport(self, report):
        self.failed |= report.failed

    def pytest_runtestloop(self, session):
        self.items = {item.nodeid: item for item in session.items}
        baseline = FOUND / "tests.json"
        self.known = json.loads(baseline.read_text()) if baseline.exists() else {}
        if new := [item for item in session.items if item.nodeid not in self.known]:
            print(f"running {len(new)} tests on the code as it is …", file=self.out)
            if forked(lambda: self.trace(new, baseline), 3600):
                raise SystemExit("the tests fail on the code as it is")
            self.known = json.loads(baseline.read_text())
        self.places = {}
        for thing in gc.get_objects():
            if type(thing) is FunctionType:  # isinstance would ask lazy objects
                code = thing.__code__
                place = code.co_filename, code.co_firstlineno
                self.places.setdefault(place, []).append(thing)
        gc.collect()
        gc.freeze()  # so that a fork touches, and copies, less
        done = set()
        for mutant in (rendered(*each) for each in self.chosen):
            place = mutant["name"].split("#")[0], mutant["function"]
            if not self.options.control or place not in done:
                self.judge(mutant)
            done.add(place)
        return True

    def trace(self, items, baseline):
        """Run tests; note how long each takes and which functions it enters."""
        known, entered, root = self.known, set(), str(ROOT / "minidl")

        def notice(frame, event, _):
            if event == "call" and frame.f_code.co_filename.startswith(root):
                entered.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

        for item, after in zip(items, [*items[1:], None], strict=True):
            entered.clear()
            self.failed, start = False, time.perf_counter()
            threading.setprofile(notice)
            sys.setprofile(notice)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            sys.setprofile(None)
            if self.failed:
                (FOUND / "failed.txt").write_text(item.nodeid)
                return 1
            places = sorted({f"{Path(p).relative_to(ROOT)}:{line}" for p, line in entered})
            known[item.nodeid] = [round(time.perf_counter() - start, 4), places]
        baseline.write_text(json.dumps(known))
        return 0

    def judge(self, mutant):
        path = mutant["name"].split("#")[0]
        package, module = path.split("/")[1], Path(path).stem
        place = f"{path}:{mutant['function']}"

        def order(name):
            return (
                (f"/{package}/" not in name.split("::")[0])
                + (module not in name.split("::")[0])
                + self.known[name][0] * 5
            )

        tests = [name for name in self.items if place in self.known.get(name, [0, []])[1]]
        chosen, budget = [], self.options.seconds
        for name in sorted(tests, key=order):
            budget -= self.known[name][0]
            if budget > 0:
                chosen.append(name)
        start = time.perf_counter()
        self.killer.unlink(missing_ok=True)
        status = forked(lambda: self.run(mutant, chosen), 120 + 10 * self.options.seconds)
        verdict = VERDICTS.get(status, "error")
        found = {key: mutant[key] for key in ("name", "line", "change")}
        found |= {"verdict": verdict, "status": status, "tests": len(chosen), "of": len(tests)}
        found["seconds"] = round(time.perf_counter() - start, 2)
        found["by"] = self.killer.read_text() if self.killer.exists() else None
        if not self.options.control:
            with (FOUND / f"{package}.jsonl").open("a") as file:
                file.write(json.dumps(found, ensure_ascii=False) + "\n")
        elif verdict != "survived":
            print(f"{place}: without a change {found['by']} fails", file=self.out)
            return
        if verdict != "killed" and not self.options.control:
            print(
                f"{verdict} {mutant['name']}, line {mutant['line']}\n{mutant['change']}",
                file=self.out,
            )

    def run(self, mutant, names):
        resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
        signal.signal(signal.SIGPROF, lambda *_: os._exit(2))
        if not self.options.control:
            apply(mutant, self.places)
        plugins = next(iter(self.items.values())).config.pluginmanager
        plugins.unregister(name="terminalreporter")
        items = [self.items[name] for name in names]
        for item, after in zip(items, [*items[1:], None], strict=True) if items else ():
            signal.setitimer(signal.ITIMER_PROF, 15 + 10 * self.known[item.nodeid][0])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self.failed:
                self.killer.write_text(item.nodeid)
                return 1
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", choices=PACKAGES)
    parser.add_argument(
        "--sample", type=int, help="so many mutants of each package, drawn at random"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=12, help="of tests a mutant, at most")
    parser.add_argument("--again", action="store_true", help="run the survivors once more")
    parser.add_argument("--decorated", action="store_true", help="what mutmut leaves out instead")
    parser.add_argument("--control", action="store_true", help="change nothing: no test may fail")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    os.chdir(ROOT)
    FOUND.mkdir(exist_ok=True)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    chosen, totals, sampled = [], {}, {}
    for package in options.packages:
        made = [
            m
            for path in sorted((ROOT / "minidl" / package).glob("*.py"))
            for m in mutants(path, options.decorated)
        ]
        totals[package] = len(made)
        random.Random(options.seed).shuffle(made)
        made = made[: options.sample]
        sampled[package] = [name for name, *_ in made]
        verdicts = {} if options.control else found(package)
        done = {key for key, v in verdicts.items() if not options.again or v == "killed"}
        chosen += [m for m in made if m[0] not in done]
    print(f"{totals} mutants, {len(chosen)} to run", file=out)
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", f"not ({LEFT_OUT})"]
    status = pytest.main([*arguments, *TESTS], plugins=[Driver(chosen, options, out)])
    for package in options.packages:
        known = found(package)
        verdicts = [known[name] for name in sampled[package] if name in known]
        count = {v: verdicts.count(v) for v in ("killed", "timeout", "survived", "error")}
        dead = count["killed"] + count["timeout"]
        share = f"{dead / max(1, len(verdicts)):.1%}"
        print(
            f"{package}: {totals[package]} mutants, {len(verdicts)} run, {count}: {share}", file=out
        )
    return status


def found(package):
    """Return the last verdict on each mutant of a package."""
    path = FOUND / f"{package}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {each["name"]: each["verdict"] for each in map(json.loads, lines)}


if __name__ == "__main__":
    raise SystemExit(main())
