"""Uganda National Panel: which columns mean what. Data, not code."""

from __future__ import annotations

SURVEY_FEATURES = (
    "composition_members_count",
    "composition_elderly_count",
    "composition_children_count",
    "composition_workers_count",
    "composition_dependants_per_worker_share",
    "income_business_yuan_12m",
    "income_property_yuan_12m",
    "income_transfers_yuan_12m",
    "illness_self_paid_yuan_1m",
    "illness_claims_count_1m",
    "disaster_count_12m",
)
"""The project's features whose facts every wave asks for."""

WAGE_FEATURES = (
    "income_wages_yuan_12m",
    "income_wages_share_12m",
    "income_net_yuan_12m",
    "income_net_per_person_yuan_12m",
    "income_gap_to_line_share_12m",
    "employment_working_count",
    "employment_monthly_wages_yuan",
    "employment_idle_workers_count",
)
"""Features that need the labour questions: without wages no sum of income is true."""

INCOME_SOURCES = {
    "inc_crop": "business",
    "inc_other_agri": "business",
    "inc_nonagri_enterprise": "business",
    "inc_property": "property",
    "inc_pension": "transfers",
    "inc_remit_local": "transfers",
    "inc_remit_abroad": "transfers",
    "inc_other": "transfers",
}
"""Column → official source. Selling assets is no income; it stays an extra column."""

HAZARDS = {
    "drought": "drought",
    "flood": "flood",
    "landslide": "geological",
    "crop_pest": "biological",
    "livestock_disease": "biological",
    "fire": "other",
}
"""Shocks that are natural disasters → hazard."""

_LOWERS = (
    "welfare", "consumption_gap_ratio", "welfare_prev", "asset_value_durables", "asset_value_house_land",
    "n_asset_types", "own_house", "own_land", "own_tv", "own_radio", "own_solar", "own_bicycle",
    "own_motorcycle", "own_vehicle", "own_phone", "meals_per_day", "adult_literacy_share", "rooms",
)  # fmt: skip
_RAISES = ("poor_prev",)
_PLAIN = (
    "cpexp30", "equiv", "urban", "hsize", "poverty_line", "head_age", "head_female", "head_widow_divorced",
    "head_literate", "child_out_of_school_share", "school_spend", "ill_share_30d", "ill_days_30d",
    "ill_days_lost_30d", "untreated_illness", "untreated_cost", "inc_crop", "inc_other_agri",
    "inc_nonagri_enterprise", "inc_remit_local", "inc_remit_abroad", "inc_asset_sale", "inc_other",
    "n_income_sources", "enterprise_month_revenue", "n_enterprises", "water_time_min", "all_two_clothes",
    "children_blanket", "all_shoes", "ran_out_of_salt", "food_shortage_12m", "shock_drought", "shock_flood",
    "shock_crop_pest", "shock_livestock_disease", "shock_input_price", "shock_output_price",
    "shock_earnings_drop", "shock_job_loss", "shock_illness_earner", "shock_illness_other",
    "shock_death_earner", "shock_death_other", "shock_theft_money", "shock_theft_agri", "n_shocks",
    "shock_months_total", "shock_cut_income", "shock_cut_assets", "shock_cut_food_production",
    "shock_cut_food_purchase", "coped_aid", "coped_diet", "coped_more_work", "coped_savings",
    "coped_credit", "coped_asset_sale", "coped_cut_health_edu", "n_business_workers", "n_farm_workers",
    "n_job_seekers", "employed_share", "n_sick_or_disabled_not_working",
)  # fmt: skip

CODES = (
    "region", "regurb", "head_marital", "main_income_source", "max_grade_code", "head_grade_code",
    "dwelling_type", "tenure", "roof", "wall", "floor", "water_source", "electricity",
)  # fmt: skip
"""Columns whose numbers are names."""

EXTRAS = (*_LOWERS, *_RAISES, *_PLAIN, *CODES)
"""Survey-only columns passed through: consumption history, assets, housing, food, shocks and coping."""

DIRECTIONS = {
    **dict.fromkeys(_LOWERS, -1),
    **dict.fromkeys(_RAISES, +1),
    "consumption_per_person": -1,
    "cluster_consumption_log_ratio": -1,
    "cluster_poor_share": +1,
}
"""Directions of the extra columns: richer never raises the risk."""

REQUIRED_COLUMNS = {
    "households_by_wave.csv": (
        "household_id", "wave", "ea", "interview_month", "interview_year", "label", "poor",
        "n_child_0_5", "n_child_6_14", "n_working_age", "n_elderly_60", "n_wage_workers", "wage_month_est",
        "months_main_job_max", *INCOME_SOURCES, *EXTRAS,
    ),
    "events.csv": ("household_id", "wave", "event_class", "event_type", "event_month", "cost"),
}  # fmt: skip
