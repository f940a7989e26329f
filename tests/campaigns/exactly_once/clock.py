"""The clock of one process, set back or ahead: what the system and Rust's libraries are told.

Interposed in front of the C library, since delta-rs asks it and not Python. Needs a C compiler;
without one the process keeps the true time and only landing times are set back.
"""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static long shift_seconds = 0;
void campaign_shift_clock(long seconds) { shift_seconds = seconds; }
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(id, now);
    if (!answer && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift_seconds;
    return answer;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int answer = real(now, zone);
    if (!answer) now->tv_sec += shift_seconds;
    return answer;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


def interposed(folder: Path) -> dict[str, str]:
    """Variables under which a process has a clock that can be shifted; none without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def can_shift() -> bool:
    """Whether this process was started under `interposed`."""
    return hasattr(ctypes.CDLL(None), "campaign_shift_clock") and "LD_PRELOAD" in os.environ


def shift(seconds: int) -> None:
    """From now on this process is told the time so much later; nothing if it cannot be."""
    if seconds and can_shift():
        ctypes.CDLL(None).campaign_shift_clock(ctypes.c_long(seconds))
