"""Puts in place what a power cut would have left of a directory that power_cut.cpp watched."""

import os
import pathlib
import random
import shutil
import subprocess


class PowerCut:
    """Watches `directory` while a program runs with `environment()`. After it was killed, `lose_unsynced` makes the
    directory what a disk would hold: unsynced bytes and names are gone, or with `keep_share` > 0 that share of the files
    has its latest bytes and names all the same, which a disk may do as well."""

    def __init__(self, library, directory, shadow):
        self.library = pathlib.Path(library)
        self.directory, self.shadow = pathlib.Path(directory).resolve(), pathlib.Path(shadow).resolve()

    def environment(self):
        shutil.rmtree(self.shadow, ignore_errors=True)
        for folder in ("files", "kept", "folders"):
            (self.shadow / folder).mkdir(parents=True)
        return {**os.environ, "LD_PRELOAD": str(self.library), "POWER_CUT_DIRECTORY": str(self.directory),
                "POWER_CUT_SHADOW": str(self.shadow)}

    def lose_unsynced(self, keep_share=0.0, seed=0):
        if not (self.shadow / "start").exists():
            return  # killed before it did anything
        started = int((self.shadow / "start").read_text())
        births = birth_times(self.directory)
        live = {key: path for path, key in births.items()}
        rebuilt = self.directory.with_name(self.directory.name + ".rebuilt")
        chance = random.Random(seed)

        def is_old(key):
            return int(key.split("-")[1]) < started

        def names_in(key, path):
            """(key, is folder, name) of what a folder holds on the disk."""
            listing = self.shadow / "folders" / key
            entries = {}
            if listing.exists():
                for line in listing.read_text().splitlines():
                    entry, kind, name = line.split(" ", 2)
                    entries[name] = (entry, kind == "d")
                unsynced = chance.random() < keep_share
            else:
                unsynced = None
            if path is not None and unsynced is not False:
                for child in path.iterdir():
                    entry = births[child]
                    if unsynced or is_old(entry) or chance.random() < keep_share:
                        entries.setdefault(child.name, (entry, child.is_dir()))
            return entries

        def bytes_of(key):
            synced, kept, path = self.shadow / "files" / key, self.shadow / "kept" / key, live.get(key)
            latest = path if path is not None else kept if kept.exists() else None
            if latest is not None and chance.random() < keep_share:
                return latest
            if synced.exists():
                return synced
            return latest if is_old(key) else None

        def rebuild(key, to):
            to.mkdir()
            for name, (entry, folder) in names_in(key, live.get(key)).items():
                if folder:
                    rebuild(entry, to / name)
                elif not name.endswith("-shm"):
                    source = bytes_of(entry)
                    if source is None:
                        (to / name).touch()
                    elif is_old(entry) and source == live.get(entry):
                        os.link(source, to / name)
                    else:
                        shutil.copyfile(source, to / name)

        rebuild(births[self.directory], rebuilt)
        shutil.rmtree(self.directory)
        rebuilt.rename(self.directory)


def birth_times(directory):
    """By path, the key that power_cut.cpp gives: inode and time of birth."""
    paths = [directory, *directory.rglob("*")]
    keys = {}
    for begin in range(0, len(paths), 1000):
        part = paths[begin:begin + 1000]
        printed = subprocess.run(["stat", "--format", "%i %.9W", *part], capture_output=True, text=True, check=True)
        for path, line in zip(part, printed.stdout.splitlines()):
            inode, birth = line.split()
            keys[path] = f"{inode}-{birth.replace('.', '').lstrip('0') or '0'}"
    return keys
