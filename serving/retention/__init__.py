"""Retention: what is older than the policy lets it be is deleted; logs never earlier than the law asks."""

from serving.retention.deleting import Kept, Rule, delete_old, rules_of

__all__ = ["Kept", "Rule", "delete_old", "rules_of"]
