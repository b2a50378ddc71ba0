"""Timing maskwise and other programs in turn."""
import statistics
import subprocess
import sys
import time

SAMPLE_MS = 10
# Longer than the idle threads of a peer spin after a call: whoever comes next
# would have one core less.
REST_S = 0.1


class Ours:
    """The tool, as a process that answers timing requests."""

    def __init__(self, tool, command, arguments, request="call"):
        self.request = request
        self.process = subprocess.Popen(
            [tool, command, "--serve", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"maskwise {command} --serve did not start")

    def time(self, calls):
        self.process.stdin.write(f"{self.request} {calls}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer:
    """Something to call."""

    def __init__(self, call):
        self.call = call

    def time(self, calls):
        begin = time.perf_counter()
        for _ in range(calls):
            self.call()
        return (time.perf_counter() - begin) * 1e3 / calls

    def close(self):
        pass


def interleaved(sides, samples):
    """name -> median ms of a call, the samples taken in turn."""
    calls, times = {}, {name: [] for name in sides}
    for name, side in sides.items():
        once = min(side.time(1), side.time(1))
        calls[name] = max(1, int(SAMPLE_MS / max(once, 1e-3)))
    for _ in range(samples):
        for name, side in sides.items():
            side.time(1)  # what slept wakes up, what was evicted returns
            times[name].append(side.time(calls[name]))
            time.sleep(REST_S)
    return {name: statistics.median(found) for name, found in times.items()}
