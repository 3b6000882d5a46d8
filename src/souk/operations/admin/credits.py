"""The operator's acts on credits: grant them, take them back, see what there is."""

from souk.accounts import ledger
from souk.accounts.ledger import NotEnough
from souk.operations.admin.acts import Acts, account_of
from souk.operations.types import Reason, Refusal
from souk.store import accounts
from souk.store.accounts import BalanceRow
from souk.store.database import Connection
from souk.words import Credits, Mode, credits_to_number


class CreditBook:
    """Acts on credits."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def grant(self, account: str, mode: Mode, amount: Credits, note: str = "") -> BalanceRow:
        """Give credits or, with a negative amount, take back available ones. The balance afterwards.

        Raises NoSuch, or Refusal when more would be taken than is available.
        """

        def act(connection: Connection) -> BalanceRow:
            owner = account_of(connection, account)
            try:
                ledger.grant(connection, owner.id, mode, amount, note, self._acts.now())
            except NotEnough:
                message = (
                    f"{account} has less than {_shown(-amount)} {mode} credits available; take back less"
                )
                raise Refusal(Reason.INSUFFICIENT_CREDITS, message, field="amount") from None
            detail = {"mode": mode, "credits": credits_to_number(amount), "note": note}
            self._acts.record(connection, "credits.grant", account, detail)
            balances = {row.mode: row for row in accounts.balances_of(connection, owner.id)}
            return balances[mode]

        return await self._acts.do(act)

    async def balances(self, account: str) -> list[BalanceRow]:
        """An account's balances, live first. Raises NoSuch."""
        return await self._acts.read(
            lambda connection: accounts.balances_of(connection, account_of(connection, account).id)
        )


def _shown(amount: int) -> str:
    return f"{credits_to_number(amount):.2f}"
