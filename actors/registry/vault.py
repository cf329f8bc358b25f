"""The vault of the secrets in jobs' URLs: encrypted with a key that lies outside of the store.

The key is a file of the data folder, made when a secret first comes in; a copy of the store alone
gives no secret away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from reelyard.actors.jobs.model import Job, Task
from reelyard.actors.jobs.secrecy import TaskSecrets, hide_job_secrets
from reelyard.cluster.errors import SourceUnreadable, Unavailable

KEY_FILE = "secrets.key"

_decoder = msgspec.msgpack.Decoder(TaskSecrets)


class Vault:
    """Takes the secrets out of jobs as they come in, and gives them to those who run them."""

    def __init__(self, folder: Path, key: str | None = None) -> None:
        """`folder`: where the key file lies; `key`: to be used instead of it."""
        self.path = folder / KEY_FILE
        self._cipher = Fernet(key) if key else None

    def hide(self, *jobs: Job) -> None:
        """Seal the secrets of jobs in place; those that show none stay as they are.

        Raises `Unavailable` if there is no key, and none can be made.
        """
        for job in jobs:
            if not job.secrets_hidden:
                hide_job_secrets(job, self._seal)

    def open(self, task: Task) -> TaskSecrets:
        """What `task` works with, secrets and all. Raises `SourceUnreadable` if its key is gone."""
        if not task.sealed:
            return TaskSecrets.of(task)
        cipher = self._cipher or self._load()
        try:
            if cipher is None:
                raise InvalidToken
            return _decoder.decode(cipher.decrypt(task.sealed))
        except (InvalidToken, msgspec.DecodeError):
            state = "is not the one that they were encrypted with" if cipher else "is missing"
            raise SourceUnreadable(
                "the secrets in the job's URLs can't be read any more: the server's key for them "
                f"({KEY_FILE} in its data folder) {state}; submit the job again",
                internal=str(self.path),
            ) from None

    def locked(self, jobs: Iterable[Job]) -> int:
        """How many of the jobs have secrets that can't be read."""
        return sum(any(self._is_locked(task) for task in job.tasks) for job in jobs)

    def _is_locked(self, task: Task) -> bool:
        try:
            self.open(task)
        except SourceUnreadable:
            return True
        return False

    def _seal(self, said: TaskSecrets) -> bytes:
        cipher = self._cipher or self._load() or self._make()
        return cipher.encrypt(msgspec.msgpack.encode(said))

    def _load(self) -> Fernet | None:
        """The cipher of the key that is there; None: there is no key."""
        try:
            self._cipher = Fernet(self.path.read_bytes().strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"the key of the stored secrets ({KEY_FILE} in the data folder) can't be read",
                internal=f"{self.path}: {error!r}",
            ) from error
        return self._cipher

    def _make(self) -> Fernet:
        key = Fernet.generate_key()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(
                f"the key of the stored secrets ({KEY_FILE} in the data folder) can't be made",
                internal=f"{self.path}: {error!r}",
            ) from error
        self._cipher = Fernet(key)
        return self._cipher
