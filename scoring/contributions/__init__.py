"""Exact contributions of features to a margin: Shapley values of the path-dependent tree game, from tables.

*The game.* A tree with some features unknown says the mean over both branches, weighted by training rows,
where it asks for one of them (Lundberg et al. 2020, Nature Machine Intelligence 2). It is a sum over leaves.
Take a leaf of value v whose path asks for d distinct features; let o_i be 1 where the row meets all the
path's conditions on feature i, else 0, and z_i the share of training rows that go along at i's nodes. The
leaf says v ∏ o_j ∏ z_j over known and unknown features, and the Shapley value of feature i is

    v (o_i − z_i) ∫₀¹ ∏_{j≠i} ((1 − q) z_j + q o_j) dq,

since ∫ q^s (1 − q)^(d−1−s) dq = s! (d−1−s)! / d! is Shapley's weight. The integrand is a polynomial of degree
d − 1: Gauss–Legendre quadrature with ⌈d/2⌉ points is exact, and every factor is positive, so nothing cancels.
(Linear TreeSHAP, Yu et al. 2022, evaluates the same polynomial at points; FastTreeSHAP, Yang 2021, keeps
tables by pattern for one tree; WOODELF, Nadel and Wettenstein 2025, groups rows by pattern.)

*The tables.* The row enters only through the bits o. So the leaf's contributions are a table over bit
patterns, made once per model. Neighbouring leaves of a tree share most conditions: each feature's bins are
parted into classes that none of the group's leaves tells apart, and one table over class patterns holds the
sum for all of them. Explaining is: value → bin → pattern → look up → add, for a block of rows that stays in
the cache, four rows and four features at a time.

*Deep leaves.* With many features a table is too large. Split the features into A, where all leaves of the
group agree, and B: at quadrature point k the integrand is a product P_k(A pattern) · S_k(B pattern), so that
two small tables and a sum over ⌈d/2⌉ points do. Leaves beyond that, and all where memory is short, are
integrated row by row.

*Memory.* A group with m features and K bits takes 8 · 2^K · (m padded to a multiple of 4) bytes; a split one
8 · (2^K_A + 2^K_B) · ⌈d/2⌉ · (1 + m) about. K is at most 10, K_A and K_B 8; where the sum exceeds
`ExplainerSettings.table_megabytes` shorter patterns are tried, down to none.

*What is exact.* Decisions follow LightGBM to the last bit (`trees`, `bins`), margins equal its own, and
contributions differ by rounding alone. Models that the tables cannot hold (linear leaves, several classes,
averaged trees) are explained by LightGBM itself; `Explainer.fallback` says why.
"""

from scoring.contributions.explainer import Explainer, ExplainerSettings

__all__ = ["Explainer", "ExplainerSettings"]
