"""A disk of a trial's own that can be made full: a file system in memory, resized as it runs."""

import os
import subprocess
from pathlib import Path

_SIZE = 128 << 20


class Disk:
    """A folder, and where the machine permits it a file system of its own."""

    def __init__(self, folder: Path, *, is_own: bool) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.is_own = is_own and _mount(f"size={_SIZE}", folder)

    def fill(self, room: int) -> None:
        """Leaves so many bytes and no more; a page is the least that tmpfs deals in."""
        for _ in range(20):
            found = os.statvfs(self.folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            # Refused if somebody wrote meanwhile.
            if not self.is_own or _mount(f"remount,size={used + room}", self.folder):
                return

    def relieve(self) -> None:
        """There is space again."""
        if self.is_own:
            _mount(f"remount,size={_SIZE}", self.folder)

    def remove(self) -> None:
        """Gives the file system back."""
        if self.is_own:
            subprocess.run(["umount", "-l", self.folder], check=False)


def can_fill(folder: Path) -> bool:
    """Whether this machine lets us mount."""
    disk = Disk(folder / "mount-try", is_own=True)
    disk.remove()
    return disk.is_own


def release(folder: Path) -> None:
    """Gives back every file system below a folder, whoever left it there."""
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False)


def _mount(options: str, folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
