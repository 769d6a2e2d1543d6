#!/usr/bin/env python3
"""Runs the end-to-end tests: `e2e/run.py [PART OF A NAME]`. Ends with `e2e passed: N`, and with status 1 after a failure."""
import os, sys, time, traceback

import harness
import test_books, test_command_line, test_files, test_live, test_namespaces, test_parquet, test_standing, test_stored, test_variables


class Skip(Exception):
    """A test that can't run here, with the reason."""


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    passed, failed, skipped = 0, [], []
    modules = [test_books, test_command_line, test_files, test_live, test_namespaces, test_parquet, test_standing, test_stored, test_variables]
    tests = [(f"{m.__name__}.{n}", f) for m in modules for n, f in vars(m).items() if n.startswith("test_") and callable(f)]
    for name, test in tests:
        if wanted not in name:
            continue
        if getattr(test, "needs_root", False) and not harness.IS_ROOT:
            skipped.append(f"{name}: needs root")
            continue
        begin = time.monotonic()
        try:
            reason = test()
        except Exception:
            failed.append(name)
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
            continue
        if reason:
            skipped.append(f"{name}: {reason}")
            continue
        passed += 1
        print(f"ok {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    for line in skipped:
        print(f"skipped {line}")
        if os.environ.get("LANTERNFISH_SKIPS"):
            with open(os.environ["LANTERNFISH_SKIPS"], "a") as skips:
                skips.write(line + "\n")
    print(f"e2e passed: {passed}")
    for name in failed:
        print(f"e2e failed: {name}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
