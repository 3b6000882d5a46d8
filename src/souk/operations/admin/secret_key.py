"""The operator's act on the secret key: have everything sealed with the new one, while processes run."""

import msgspec

from souk.accounts import in_force
from souk.accounts.secrets import SecretBox, SecretKeyError
from souk.operations.admin.acts import Acts
from souk.operations.types import Reason, Refusal
from souk.store.database import Connection


class Exchange(msgspec.Struct, frozen=True):
    """What came of it."""

    accounts: int
    """Those whose webhook keys are sealed with the newest secret key, all of them."""
    changed: int
    """Those of them that were not before."""


class SecretKeys:
    """Acts on the secret key."""

    def __init__(self, acts: Acts, box: SecretBox) -> None:
        self._acts = acts
        self._box = box

    async def exchange(self) -> Exchange:
        """Seal every stored secret with the newest key in one transaction, then read all of it back.

        May be repeated. Raises SecretKeyError or Refusal, and then nothing has changed.
        """

        def act(connection: Connection) -> int:
            in_force.hold(connection, self._box)
            if lost := in_force.standing(connection, self._box).lost:
                raise Refusal(
                    Reason.CONFLICT,
                    f"neither the new secret key nor the one before opens the webhook keys of {len(lost)} account(s), "
                    f"{lost[0]} for one; give the key they were sealed with as SOUK_SECRET_KEY_BEFORE. If it is lost, "
                    "`souk accounts rotate-webhook-key --lost` makes new webhook keys for them",
                )
            fresh = not self._box.newest().fits(in_force.mark_of(connection))
            changed = in_force.reseal(connection, self._box)
            if changed or fresh:
                self._acts.record(connection, "secret_key.exchange", "all accounts", {"changed": changed})
            return changed

        changed = await self._acts.do(act)
        return Exchange(accounts=await self.check(), changed=changed)

    async def check(self) -> int:
        """How many accounts' secrets the newest key opens by itself. Raises SecretKeyError unless those are all."""
        newest = self._box.newest()

        def read(connection: Connection) -> int:
            mark = in_force.mark_of(connection)
            if self._box.fits(mark) and not newest.fits(mark):
                raise SecretKeyError(
                    "secrets are still sealed with the secret key before; first run `souk rekey`"
                )
            in_force.require(connection, newest)
            found = in_force.standing(connection, newest)
            if found.lost:
                raise SecretKeyError(
                    f"the new secret key does not open the webhook keys of {found.lost[0]}; keep the key before and "
                    "run `souk rekey` again"
                )
            return len(found.newest)

        return await self._acts.read(read)
