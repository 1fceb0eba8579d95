"""Loans of the household. A change of what is owed or overdue ends one spell and begins the next."""

from features.signals.contract import spell
from features.signals.fields import Category, Count, Identifier, Money

loan = spell(
    "loan",
    "贷款",
    "loans",
    ("银行、农业农村", "banks, agriculture"),
    Identifier(name="loan_id", zh="贷款编号（化名）", en="pseudonymous key of the loan"),
    Category(
        name="purpose",
        categories=("microloan", "production", "housing", "schooling", "illness", "other"),
        zh="用途：小额信贷、生产、建房、就学、看病、其他",
        en="purpose; microloan is the loan for households out of poverty",
    ),
    Money(name="outstanding", zh="未还余额", en="amount still owed"),
    Count(name="overdue_days", maximum=20_000, unit="days", zh="逾期天数", en="days overdue"),
)
