"""The kinds of problems that the service answers with, and the texts of each.

A caller branches on the key, the problem's `code`, which never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemKind:
    """One kind of problem: its HTTP status and its texts, the same every time."""

    status: int
    title: str
    detail: str
    way_out: str


PROBLEMS: dict[str, ProblemKind] = {
    "request_malformed": ProblemKind(
        400, "Bad request", "The request is not proper HTTP for this service.", "Check the client's request."
    ),
    "json_malformed": ProblemKind(
        400, "Not JSON", "The body is not one JSON document.", "Send one complete JSON object."
    ),
    "json_not_utf8": ProblemKind(
        400, "Not UTF-8", "The body is not encoded as UTF-8.", "Encode the body as UTF-8 without a mark."
    ),
    "json_duplicate_key": ProblemKind(
        400, "Doubled key", "An object of the body has a key twice.", "Give each key of an object once."
    ),
    "json_not_finite": ProblemKind(
        400,
        "Not a number",
        "The body has NaN, an infinity or a number beyond the range of a double.",
        "Leave a missing value out, or give null where the field allows it.",
    ),
    "json_number_too_large": ProblemKind(
        400, "Number too large", "The body has a whole number beyond 64 bits.", "Give keys as text."
    ),
    "json_nul": ProblemKind(
        400, "NUL character", "A text of the body has a NUL character.", "Remove the NUL character."
    ),
    "json_lone_surrogate": ProblemKind(
        400, "Broken text", "A text of the body has half of a surrogate pair.", "Send whole characters."
    ),
    "json_too_deep": ProblemKind(
        400, "Nested too deeply", "The body nests deeper than 12 levels.", "Follow the documented shape."
    ),
    "form_malformed": ProblemKind(
        400,
        "Not a form",
        "The body is not a complete form of parts (multipart/form-data).",
        "Send each table as a file part that is named like its feed.",
    ),
    "idempotency_key_malformed": ProblemKind(
        400,
        "Key not accepted",
        "Idempotency-Key is given more than once, or is not 1 to 255 visible ASCII characters.",
        "Send one key, such as a UUID, and the same again when the request is repeated.",
    ),
    "key_not_accepted": ProblemKind(
        401,
        "Key not accepted",
        "The request has no key or token in its Authorization header, or one that is not in force, and no "
        "session.",
        "Send Authorization: Bearer with a key in force; the operator makes one with `serving keys add`. "
        "People sign in at /sign-in.",
    ),
    "role_not_allowed": ProblemKind(
        403,
        "Not for this role",
        "The caller is known; it has no role here, or one that does not use this address with this method.",
        "Ask as a role that may; the documentation lists them for every address.",
    ),
    "correction_own": ProblemKind(
        403,
        "Your own correction",
        "A correction is reviewed by somebody else than the person who proposed it.",
        "Let another official of the township or above review it.",
    ),
    "origin_not_own": ProblemKind(
        403,
        "From another page",
        "The request would change something with a browser's session and comes from no page of this service.",
        "Open the console itself and do it there; programs send a key and no cookie.",
    ),
    "origin_not_set": ProblemKind(
        403,
        "Sign-in is not set up",
        "The service does not know the address that browsers have for it.",
        "The operator must set FANGFAN_PUBLIC_ORIGIN, such as https://fangfan.county.example.",
    ),
    "password_change_needed": ProblemKind(
        403,
        "Password to be changed",
        "The account's password was handed over by an administrator, or is too old.",
        "Sign in with a browser and change it at /password.",
    ),
    "second_factor_needed": ProblemKind(
        403,
        "Second factor needed",
        "The account's role needs a second factor here, and the account has none.",
        "Sign in with a browser and set one up at /second-factor.",
    ),
    "not_local": ProblemKind(
        403,
        "Only for this machine",
        "Access is open, and so is for this machine alone, under its own name and without a proxy.",
        "Start the service with FANGFAN_ACCESS=keys to serve others.",
    ),
    "not_found": ProblemKind(
        404, "Not found", "There is nothing at this address.", "See /openapi.json for what there is."
    ),
    "household_not_found": ProblemKind(
        404,
        "No assessment",
        "No assessment of this household is stored for the date asked for.",
        "Check the key and the date, or score the household with POST /v1/scores.",
    ),
    "nothing_known": ProblemKind(
        409,
        "Nothing known",
        "By as_of_date no department told anything of the household: each of its feeds is missing or out of "
        "date. That is no low risk, and a score would be made of nothing.",
        "Check as_of_date and coverage, ask the departments; until they answer, a visit is what tells.",
    ),
    "visit_of_another": ProblemKind(
        409,
        "Somebody else's visit",
        "The visit was filled in by another person than the one who is signed in.",
        "Let whoever made the visit sign in and hand it in.",
    ),
    "identity_not_found": ProblemKind(
        404,
        "No identity",
        "No identity of this household is stored.",
        "Check the key; the platform of the area sends identities with PUT to this address.",
    ),
    "model_not_found": ProblemKind(
        404,
        "No such model",
        "There is no model of that name and version.",
        "GET /v2/models/fangfan names the version in service.",
    ),
    "score_not_found": ProblemKind(
        404,
        "No such score",
        "There is no stored score of this household on this date.",
        "GET the household's scores to see which dates there are.",
    ),
    "measure_not_found": ProblemKind(
        404,
        "No such measure",
        "The case has no such measure.",
        "GET the case's measures; each has its number.",
    ),
    "correction_not_found": ProblemKind(
        404,
        "No such correction",
        "There is no such correction.",
        "GET /v1/corrections lists those that there are.",
    ),
    "area_not_found": ProblemKind(
        404,
        "No such area",
        "There is no summary of such an area on this date.",
        "Check the area code and the date.",
    ),
    "worklist_not_found": ProblemKind(
        404,
        "No list",
        "There is no worklist of such an area, or none of that day.",
        "Check the area code; the operator makes lists with `python -m serving worklists make`.",
    ),
    "job_not_found": ProblemKind(
        404,
        "No such job",
        "There is no job of that number, or it was finished so long ago that it was deleted.",
        "Check the number that POST /v1/jobs answered.",
    ),
    "job_has_no_result": ProblemKind(
        404,
        "No result",
        "The job ended without a result file: it was a dry run, it failed or was cancelled.",
        "GET the job itself; it says how it ended.",
    ),
    "case_not_found": ProblemKind(
        404, "No such case", "There is no such case.", "GET /v1/cases lists the cases that there are."
    ),
    "method_not_allowed": ProblemKind(
        405, "Method not allowed", "This address does not take that method.", "See the Allow header."
    ),
    "body_too_slow": ProblemKind(
        408, "Body too slow", "The body did not arrive in time.", "Send fewer households in one request."
    ),
    "job_not_finished": ProblemKind(
        409, "Not finished", "The job is not finished yet.", "Ask again when the job's state says so."
    ),
    "job_finished": ProblemKind(
        409, "Finished already", "The job is finished and cannot be cancelled.", "GET the job to see its end."
    ),
    "signals_not_kept": ProblemKind(
        409,
        "Signals not kept",
        "The service keeps no signals from which this could be scored.",
        "Send the signals themselves; or the operator sets FANGFAN_SIGNALS_DIR to the folder of intake.",
    ),
    "correction_reviewed": ProblemKind(
        409,
        "Reviewed already",
        "The correction was reviewed by somebody, and otherwise.",
        "GET the corrections; propose another one at a visit where it is still not right.",
    ),
    "case_closed": ProblemKind(
        409,
        "Case closed",
        "The case is closed, and its plan is not changed any more.",
        "A relapse opens it again; new leads open another case.",
    ),
    "model_not_kept": ProblemKind(
        409,
        "Model not kept",
        "The model that made this score is not kept, or is no longer what it was.",
        "The operator sets FANGFAN_MODELS_DIR and puts the bundle there, in a folder named like its version.",
    ),
    "case_changed": ProblemKind(
        409,
        "Case changed",
        "Somebody else changed the case since it was looked at; nothing was done.",
        "GET the case, look at what is new, and send the move again with its version.",
    ),
    "idempotency_key_in_flight": ProblemKind(
        409,
        "Request in flight",
        "A request with the same Idempotency-Key is being answered.",
        "Wait, and repeat the request with the same key.",
    ),
    "body_too_large": ProblemKind(
        413, "Body too large", "The body is larger than the service takes.", "Send fewer households at once."
    ),
    "media_type_unsupported": ProblemKind(
        415,
        "Unsupported media type",
        "The body is not announced as what this address takes.",
        "Send application/json in UTF-8, or multipart/form-data for a job, without a Content-Encoding.",
    ),
    "idempotency_key_reused": ProblemKind(
        422,
        "Key used for something else",
        "A request with the same Idempotency-Key was answered, and it was another one.",
        "Give every request a key of its own.",
    ),
    "submission_key_reused": ProblemKind(
        422,
        "Key used for something else",
        "Something else was handed in under the same submission_key.",
        "Give everything that is handed in a key of its own.",
    ),
    "request_invalid": ProblemKind(
        422,
        "Request not accepted",
        "Parts of the request break a rule; `errors` lists each with its place and way out.",
        "Mend what `errors` names and send the request again.",
    ),
    "move_not_allowed": ProblemKind(
        422,
        "Move not allowed",
        "The rules of cases do not allow the move; `errors` lists each rule with its way out.",
        "Do what `errors` says first; GET the case lists the moves that are open.",
    ),
    "notice_not_open": ProblemKind(
        409,
        "No notice",
        "The case is not before the village, and has no notice to show.",
        "Make the notice while the case is reviewed: move review.",
    ),
    "queue_full": ProblemKind(
        429,
        "Too many jobs",
        "As many jobs are open, or are being sent, as the service takes.",
        "Send the job again after the seconds that Retry-After says.",
    ),
    "caller_queue_full": ProblemKind(
        429,
        "Too many jobs of one caller",
        "As many jobs of this caller are open, or are being sent, as one caller may have.",
        "Wait until one of them is done, or cancel one (DELETE /v1/jobs/{job_id}), and send the job again, "
        "at the earliest after the seconds that Retry-After says.",
    ),
    "too_many_sign_ins": ProblemKind(
        429,
        "Too many sign-ins",
        "Too many people try to sign in, or too many tries from one address failed.",
        "Try again after the seconds that Retry-After says.",
    ),
    "asked_too_often": ProblemKind(
        429,
        "Asked too often",
        "This key has revealed, or looked up, as many as it may within an hour.",
        "Wait for the seconds that Retry-After says; the operator sets the bound.",
    ),
    "internal_error": ProblemKind(
        500,
        "Internal error",
        "The service failed; the fault is not in the request's form.",
        "Try again; if it fails again, tell the operator the X-Request-Id of the answer.",
    ),
    "busy": ProblemKind(
        503,
        "Busy",
        "As many requests are being answered, or wait, as the service takes.",
        "Send the request again after the seconds that Retry-After says.",
    ),
    "model_loading": ProblemKind(
        503, "Model loading", "The model is being loaded.", "Try again in a few seconds."
    ),
    "model_failed": ProblemKind(
        503,
        "No model",
        "The model could not be loaded.",
        "The operator must put a sound bundle into service: `python -m serving models`.",
    ),
    "model_off": ProblemKind(
        503,
        "Model off",
        "The model is turned off; POST /v1/scores answers with the departments' rules alone.",
        "Use POST /v1/scores, or wait until the operator turns it on; GET /v1/models says why it is off.",
    ),
    "model_absent": ProblemKind(
        503,
        "No model",
        "No model has been put into service.",
        "The operator must admit one and use it: `python -m serving models`.",
    ),
    "issuer_keys_missing": ProblemKind(
        503,
        "Tokens cannot be checked",
        "The keys of the identity provider could not be fetched yet.",
        "Try again later, or use a key of this service.",
    ),
    "draining": ProblemKind(
        503,
        "Ending",
        "This process of the service is ending; what it was asked before is still answered.",
        "Send requests to another process, or again in a few seconds.",
    ),
    "storage_failed": ProblemKind(
        503, "Storage not available", "The database does not answer or cannot write now.", "Try again later."
    ),
    "signals_failed": ProblemKind(
        503,
        "Signals not available",
        "The folder of stored signals cannot be read now.",
        "Try again later; the operator checks FANGFAN_SIGNALS_DIR.",
    ),
    "audit_failed": ProblemKind(
        503,
        "Reading cannot be logged",
        "The log of reads was changed or has another key, and nothing is shown that is not logged.",
        "The operator must run `python -m serving audit verify`.",
    ),
    "identity_not_set_up": ProblemKind(
        503,
        "Identities not set up",
        "The service has no keys to encrypt identities with, and keeps none.",
        "The operator runs `python -m serving identity new-key` and starts the service again.",
    ),
    "identity_unreadable": ProblemKind(
        503,
        "Identity cannot be read",
        "An identity is stored and does not open: its key is gone, or it was changed.",
        "The operator runs `python -m serving identity check`.",
    ),
    "storage_full": ProblemKind(
        507,
        "No room",
        "There is no room on the disk for what was sent; nothing of it was kept.",
        "Tell the operator, and send it again when there is room.",
    ),
}
