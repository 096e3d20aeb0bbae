"""The forger: each function makes one forgery, with everything else in order, and says which commit to ask about.

What is forged beyond one thing (whole sets of keys, a base that trusts them) stands in the forger's own hands only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

from hardware_key import HardwareKey
from landed_change import AUTHOR, Change, attest_merge, by_hand, edited, judged_again, merged
from msgspec import structs
from real_git import commit, git
from signing import TRUSTED, Evidence, make_key, trust_of, work

from factory_tui.adapters import verify
from factory_tui.domain import attesting as words
from factory_tui.domain.state import Deployment
from factory_tui.domain.terms import CheckRow, Verdict

Forge = Callable[[Evidence], str]
FORGE: dict[str, Forge] = {}
TRUST = ".factory/trust/allowed_signers"


def forge(make: Forge) -> Forge:
    FORGE[make.__name__] = make
    return make


def spoilt(evidence: Evidence, number: int, **predicate: object) -> str:
    """Smoke 0, review 1 or approval 2 says something else; signed by whoever may sign it."""
    change = Change(evidence)
    drafts = change.drafts()
    drafts[number] = edited(drafts[number], **predicate)
    change.attest(drafts)
    return change.commit


def trust(evidence: Evidence, **signers: str) -> None:
    """The base trusts as before, and these signers for these kinds too."""
    path = evidence.root / TRUST
    text = path.read_text()
    for name, kinds in signers.items():
        text = text.replace(f'{name}@factory.invalid namespaces="', f'{name}@factory.invalid namespaces="{kinds},')
    commit(evidence.root, {TRUST: text}, "trust more")


def mallory(evidence: Evidence) -> Evidence:
    """Somebody with a whole set of keys of their own."""
    return Evidence(root=evidence.root, keys=evidence.keys.parent / "mallory")


# --- nothing was said -----------------------------------------------------------------------------


@forge
def no_evidence(evidence: Evidence) -> str:
    return Change(evidence).commit


@forge
def amended_message(evidence: Evidence) -> str:
    Change(evidence).attest()
    git(evidence.root, "commit", "-q", "--amend", "-m", "work, reworded")
    return "HEAD"


@forge
def one_more_commit(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    work(evidence, {"src/a.py": "a = 3\n"}, "sneak")
    return f"{change.base}..HEAD"


@forge
def dropped_landing(evidence: Evidence) -> str:
    change = Change(evidence)
    evidence.keep(change.commit, *(evidence.sign(draft) for draft in change.drafts()))
    return change.commit


# --- said of something else -----------------------------------------------------------------------


@forge
def copied_notes(evidence: Evidence) -> str:
    """Onto a merge of the very change, that nobody approved as such."""
    change = Change(evidence)
    change.attest()
    merge = ["commit-tree", change.tree, "-p", change.base, "-p", change.commit, "-m", "merged by hand"]
    other = git(evidence.root, *merge)
    git(evidence.root, "notes", "--ref=refs/notes/factory", "copy", "-f", change.commit, other)
    return other


@forge
def replayed_approval(evidence: Evidence) -> str:
    approved = Change(evidence)
    approval = evidence.sign(approved.drafts()[2])
    git(evidence.root, "commit", "-q", "--amend", "-m", "work, reworded")
    other = Change(evidence, git(evidence.root, "rev-parse", "HEAD"))
    lines = [*(evidence.sign(draft) for draft in other.drafts()[:2]), approval]
    evidence.keep(other.commit, *lines, other.landing(lines))
    return other.commit


@forge
def smoke_of_another_tree(evidence: Evidence) -> str:
    change = Change(evidence)
    change.smoke = structs.replace(change.smoke, tree=git(evidence.root, "rev-parse", f"{change.base}^{{tree}}"))
    change.attest()
    return change.commit


@forge
def review_on_another_base(evidence: Evidence) -> str:
    return spoilt(evidence, 1, factory={"base": "0" * 40})


@forge
def rule_added_after_the_verdict(evidence: Evidence) -> str:
    old = Change(evidence).frame().policy
    git(evidence.root, "checkout", "-q", "-b", "stricter", "HEAD~1")
    commit(evidence.root, {".factory/rules/X2.md": "stricter\n"}, "a rule")
    rebased = Change(evidence, work(evidence, {"src/a.py": "a = 2\n"}))
    lines = [evidence.sign(edited(draft, factory={"policy": old})) for draft in rebased.drafts()]
    evidence.keep(rebased.commit, *lines, rebased.landing(lines, policy=old))
    return rebased.commit


# --- signed by somebody else ----------------------------------------------------------------------


@forge
def unknown_key(evidence: Evidence) -> str:
    make_key(evidence.keys, "mallory")
    change = Change(evidence)
    change.attest(signers={"review": "mallory"})
    return change.commit


@forge
def authors_key_in_the_reviewers_name(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest(signers={"review": "builder"})
    return change.commit


@forge
def devops_key_in_the_supervisors_name(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest(signers={"approval": "devops"})
    return change.commit


@forge
def edited_payload(evidence: Evidence) -> str:
    change = Change(evidence)
    lines = [evidence.sign(draft) for draft in [change.drafts()[0], judged_again(change, Verdict.FAIL)]]
    lines.append(evidence.sign(change.drafts()[2]))
    envelope = json.loads(lines[1])
    body = json.loads(base64.b64decode(envelope["payload"]))
    body["predicate"]["verdict"] = "PASSED"
    lines[1] = verify.canonical({**envelope, "payload": base64.b64encode(verify.canonical(body)).decode()})
    evidence.keep(change.commit, *lines, change.landing(lines))
    return change.commit


@forge
def reviewer_says_that_the_tests_passed(evidence: Evidence) -> str:
    trust(evidence, quality="factory.smoke")
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = replace(edited(drafts[0], factory={"signer": "quality@factory.invalid"}), signer="quality")
    change.attest(drafts)
    return change.commit


@forge
def deployer_approves_in_its_own_name(evidence: Evidence) -> str:
    trust(evidence, devops="factory.approval")
    change = Change(evidence)
    drafts = change.drafts()
    drafts[2] = replace(edited(drafts[2], factory={"signer": "devops@factory.invalid"}), signer="devops")
    change.attest(drafts)
    return change.commit


@forge
def report_used_as_a_verdict(evidence: Evidence) -> str:
    change = Change(evidence)
    drafts = change.drafts()
    drafts[1] = replace(
        edited(drafts[1], factory={"signer": "security@factory.invalid"}), signer="security", kind="report"
    )
    change.attest(drafts)
    return change.commit


@forge
def one_key_for_author_and_reviewer(evidence: Evidence) -> str:
    path = evidence.root / TRUST
    text = path.read_text().replace(make_key(evidence.keys, "builder"), make_key(evidence.keys, "quality"))
    commit(evidence.root, {TRUST: text}, "one key for two")
    change = Change(evidence)
    change.attest()
    return change.commit


@forge
def one_key_for_everybody(evidence: Evidence) -> str:
    """A pattern instead of a name: whoever holds this key is any reviewer."""
    path = evidence.root / TRUST
    text = path.read_text().replace("quality@factory.invalid", "*@factory.invalid")
    commit(evidence.root, {TRUST: text}, "one key for everybody")
    return sound_evidence(evidence)


@forge
def one_key_behind_two_spellings(evidence: Evidence) -> str:
    """The factory's key for the reviewer too, behind an option that looks like another key."""
    path = evidence.root / TRUST
    shown, real = make_key(evidence.keys, "quality"), make_key(evidence.keys, "factory")
    text = path.read_text().replace(f'factory.review" {shown}', f'factory.review,{shown}" {real}', 1)
    commit(evidence.root, {TRUST: text}, "one key for two")
    change = Change(evidence)
    change.attest(signers={"review": "factory"})
    return change.commit


# --- whoever brings the judge along ---------------------------------------------------------------


@forge
def candidate_brings_its_keys(evidence: Evidence) -> str:
    other = mallory(evidence)
    change = Change(other, work(evidence, {TRUST: trust_of(other.keys), "src/a.py": "a = 2\n"}))
    drafts = change.drafts()
    drafts[2] = edited(drafts[2], protected=[TRUST])
    change.attest(drafts)
    return change.commit


@forge
def candidate_brings_a_home_that_goes_before_it(evidence: Evidence) -> str:
    """The home is the top of the repository; `.factory/` would be the home of whatever comes next."""
    git(evidence.root, "mv", ".factory/factory.toml", ".factory/rules", ".factory/trust", ".")
    git(evidence.root, "commit", "-q", "-m", "the home is the top")
    keys = trust_of(mallory(evidence).keys)
    change = Change(evidence, work(evidence, {TRUST: keys, ".factory/factory.toml": 'repo_id = "0"\n'}))
    change.attest()
    return change.commit


@forge
def replaced_base(evidence: Evidence) -> str:
    other = mallory(evidence)
    real = git(evidence.root, "rev-parse", "HEAD")
    git(evidence.root, "checkout", "-q", "-b", "evil")
    evil = commit(evidence.root, {TRUST: trust_of(other.keys)}, "trust mallory")
    git(evidence.root, "checkout", "-q", "main")
    change = Change(other)
    policy = other.frame(evil).policy
    drafts = [edited(draft, factory={"policy": policy}) for draft in change.drafts()]
    drafts[2] = edited(drafts[2], protected=[TRUST])
    change.sealed(drafts, factory={"policy": policy})
    git(evidence.root, "replace", real, evil)
    return change.commit


@forge
def grafted_base(evidence: Evidence) -> str:
    other = mallory(evidence)
    evil = commit(evidence.root, {TRUST: trust_of(other.keys)}, "trust mallory")
    git(evidence.root, "checkout", "-q", "-b", "honest", "HEAD~1")
    change = Change(other)
    real, change.base = change.base, evil
    change.smoke = structs.replace(change.smoke, base=evil)
    change.approval = structs.replace(change.approval, base=evil)
    drafts = change.drafts()
    drafts[2] = edited(drafts[2], protected=[TRUST])
    change.attest(drafts)
    assert real != evil
    (evidence.root / ".git/info").mkdir(exist_ok=True)
    (evidence.root / ".git/info/grafts").write_text(f"{change.commit} {evil}\n")
    return change.commit


@forge
def weakened_rules(evidence: Evidence) -> str:
    weak = Change(evidence, work(evidence, {".factory/rules/X1.md": "weak\n", "src/a.py": "a = 2\n"}))
    weak.attest()
    return weak.commit


# --- what was judged ------------------------------------------------------------------------------


@forge
def zero_tests(evidence: Evidence) -> str:
    return spoilt(evidence, 0, factory={"tests_passed": 0})


@forge
def red_tests(evidence: Evidence) -> str:
    return spoilt(evidence, 0, result="FAILED")


@forge
def red_in_ci(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, evidence.sign(by_ci(change, result="FAILED")))
    return change.commit


@forge
def red_in_ci_after_it_was_green(evidence: Evidence) -> str:
    """Each job starts with an empty ledger, so both statements have one number."""
    change = Change(evidence)
    change.attest()
    both = [by_ci(change), by_ci(change, result="FAILED")]
    evidence.keep(change.commit, *(evidence.sign(edited(one, factory={"seq": 1})) for one in both))
    return change.commit


def by_ci(change: Change, **predicate: object) -> words.Draft:
    smoke = words.smoke(change.commit, change.smoke, change.frame())
    own = edited(smoke, factory={"signer": "ci@factory.invalid", "runner": "ci"}, **predicate)
    return replace(own, signer="ci")


@forge
def no_review(evidence: Evidence) -> str:
    change = Change(evidence)
    smoke, _, approval = change.drafts()
    change.attest([smoke, approval])
    return change.commit


@forge
def later_fail(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest([*change.drafts(), judged_again(change, Verdict.FAIL)])
    return change.commit


@forge
def dropped_fail(evidence: Evidence) -> str:
    change = Change(evidence)
    lines = [evidence.sign(draft) for draft in [*change.drafts(), judged_again(change, Verdict.FAIL)]]
    evidence.keep(change.commit, *lines[:3], change.landing(lines))
    return change.commit


@forge
def pass_put_in_after_the_landing(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, evidence.sign(judged_again(change, Verdict.PASS)))
    return change.commit


@forge
def review_of_nothing(evidence: Evidence) -> str:
    return spoilt(evidence, 1, checked=[])


@forge
def same_turn(evidence: Evidence) -> str:
    return spoilt(evidence, 1, factory={"turn": AUTHOR.id})


@forge
def same_brief(evidence: Evidence) -> str:
    return spoilt(evidence, 1, factory={"brief": AUTHOR.brief})


@forge
def role_reviews_itself(evidence: Evidence) -> str:
    return spoilt(evidence, 1, factory={"author": "quality"})


@forge
def nonsense_beside_it(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, b'{"payloadType": "application/vnd.in-toto+json"}')
    return change.commit


@forge
def nonsense_without_end(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, b"[" * 200_000)
    return change.commit


# --- what was answered ----------------------------------------------------------------------------


@forge
def no_approval(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest(change.drafts()[:2])
    return change.commit


@forge
def rejected_change(evidence: Evidence) -> str:
    return spoilt(evidence, 2, decision="REJECTED")


@forge
def another_approval(evidence: Evidence) -> str:
    return spoilt(evidence, 2, id="C-7")


@forge
def expired_approval(evidence: Evidence) -> str:
    change = Change(evidence)
    change.approval = structs.replace(change.approval, expires="2026-11-22T09:59:59.000Z")
    change.attest()
    return change.commit


@forge
def landing_at_no_time(evidence: Evidence) -> str:
    """After the approval had expired, and the landing does not say when."""
    change = Change(evidence)
    change.sealed(factory={"at": ""})
    return change.commit


@forge
def landing_without_a_property(evidence: Evidence) -> str:
    change = Change(evidence)
    change.sealed(properties=["FACTORY_TESTS_PASSED", "FACTORY_APPROVED"])
    return change.commit


@forge
def landing_that_claims_a_human(evidence: Evidence) -> str:
    change = Change(evidence)
    change.sealed(factory={"level": "G3"})
    return change.commit


@forge
def code_in_a_vouched_commit(evidence: Evidence) -> str:
    made = work(evidence, {".factory/rules/X2.md": "stricter\n", "src/a.py": "a = 9\n"})
    by_hand(evidence, made, (".factory/rules/X2.md", "src/a.py"))
    return made


# --- a base that moved ----------------------------------------------------------------------------


@forge
def merge_that_slips_something_in(evidence: Evidence) -> str:
    change = Change(evidence)
    git(evidence.root, "checkout", "-q", "-b", "evil", change.base)
    evil = work(evidence, {"src/a.py": "a = 2\n", "src/b.py": "b = 2\n", "src/c.py": "evil\n"})
    git(evidence.root, "checkout", "-q", "-b", "moved", change.base)
    onto = commit(evidence.root, {"src/b.py": "b = 2\n"}, "the base moves")
    merge = git(evidence.root, "commit-tree", f"{evil}^{{tree}}", "-p", onto, "-p", change.commit, "-m", "merge")
    attest_merge(evidence, change, merge)
    return merge


@forge
def merge_of_something_else(evidence: Evidence) -> str:
    change, merge = merged(evidence, {"src/b.py": "b = 2\n"})
    git(evidence.root, "checkout", "-q", "-b", "secret", change.base)
    other = work(evidence, {"src/secret.py": "nobody looked\n"})
    onto, tree = git(evidence.root, "rev-parse", f"{merge}^1", f"{merge}^{{tree}}").split()
    other_merge = git(evidence.root, "commit-tree", tree, "-p", onto, "-p", other, "-m", "merge")
    attest_merge(evidence, change, other_merge)
    return other_merge


@forge
def review_on_a_strange_base(evidence: Evidence) -> str:
    """Reviewed and approved by mallory, on a base of mallory's; merged by the factory's own key."""
    other = mallory(evidence)
    real = git(evidence.root, "rev-parse", "HEAD")
    git(evidence.root, "checkout", "-q", "-b", "evil")
    evil = commit(evidence.root, {TRUST: trust_of(other.keys)}, "trust mallory")
    change = Change(other)
    tree = git(evidence.root, "merge-tree", "--write-tree", real, change.commit).split()[0]
    merge = git(evidence.root, "commit-tree", tree, "-p", real, "-p", change.commit, "-m", "merge")
    assert change.base == evil
    attest_merge(evidence, change, merge, reviewed_by=other, protected=[TRUST])
    return merge


def strangers_history(evidence: Evidence) -> tuple[Evidence, str]:
    """A commit of mallory's beside the line, which trusts mallory alone; the line is checked out again."""
    other = mallory(evidence)
    here = git(evidence.root, "rev-parse", "--abbrev-ref", "HEAD")
    git(evidence.root, "checkout", "-q", "-b", "evil")
    evil = commit(evidence.root, {TRUST: trust_of(other.keys)}, "trust mallory")
    git(evidence.root, "checkout", "-q", here)
    return other, evil


@forge
def history_that_nobody_reviewed(evidence: Evidence) -> str:
    """The very change that was reviewed, with one more parent."""
    _, evil = strangers_history(evidence)
    change = Change(evidence)
    both = ["commit-tree", change.tree, "-p", change.base, "-p", evil, "-m", "work"]
    octopus = Change(evidence, git(evidence.root, *both))
    octopus.attest()
    return octopus.commit


@forge
def review_on_a_base_that_was_merged_in(evidence: Evidence) -> str:
    """The strange base is part of the history, and was never the branch."""
    other, evil = strangers_history(evidence)
    real, tree = git(evidence.root, "rev-parse", "HEAD", "HEAD^{tree}").split()
    onto = git(evidence.root, "commit-tree", tree, "-p", real, "-p", evil, "-m", "merged by hand, and left out")
    git(evidence.root, "checkout", "-q", "evil")
    change = Change(other)
    made = git(evidence.root, "merge-tree", "--write-tree", onto, change.commit).split()[0]
    merge = git(evidence.root, "commit-tree", made, "-p", onto, "-p", change.commit, "-m", "merge")
    attest_merge(evidence, change, merge, reviewed_by=other, protected=[TRUST])
    return merge


@forge
def base_moved_in_the_same_file(evidence: Evidence) -> str:
    root = evidence.root
    commit(root, {"src/a.py": "".join(f"line {n}\n" for n in range(40))}, "a longer file")
    change = Change(evidence, work(evidence, {"src/a.py": "".join(f"line {n or 'zero'}\n" for n in range(40))}))
    git(root, "checkout", "-q", "-b", "moved", change.base)
    last = "".join(f"line {n if n != 39 else 'last'}\n" for n in range(40))
    onto = commit(root, {"src/a.py": last}, "the base moves")
    tree = git(root, "merge-tree", "--write-tree", onto, change.commit).split()[0]
    merge = git(root, "commit-tree", tree, "-p", onto, "-p", change.commit, "-m", "merge")
    attest_merge(evidence, change, merge)
    return merge


# --- deployments ----------------------------------------------------------------------------------


def deployed(evidence: Evidence, approval: dict[str, object] | None = None, **facts: object) -> str:
    """A deployment whose approval says something else, or that was not what it says."""
    change = Change(evidence)
    leave, told = change.released(structs.replace(change.deployment(), **facts))
    change.deploy([edited(leave, **(approval or {})), told])
    return change.commit


@forge
def deployment_without_approval(evidence: Evidence) -> str:
    change = Change(evidence)
    change.deploy(change.released()[1:])
    return change.commit


@forge
def deployment_under_the_changes_approval(evidence: Evidence) -> str:
    """The approval of the change is none of the deployment."""
    change = Change(evidence)
    one = structs.replace(change.deployment(), approval=change.approval)
    change.deploy([words.deployment(one, change.frame())])
    return change.commit


@forge
def deployment_of_another_plan(evidence: Evidence) -> str:
    return deployed(evidence, {"plan": "8" * 64})


@forge
def deployment_elsewhere_than_approved(evidence: Evidence) -> str:
    return deployed(evidence, {"environment": "staging"})


@forge
def deployment_that_was_rejected(evidence: Evidence) -> str:
    return deployed(evidence, {"decision": "REJECTED"})


@forge
def deployment_after_the_approval_expired(evidence: Evidence) -> str:
    return deployed(evidence, began="2026-11-23T00:00:01.000Z")


@forge
def deployment_approved_by_the_deployer(evidence: Evidence) -> str:
    return deployed(evidence, person="me")


@forge
def deployment_on_a_replayed_approval(evidence: Evidence) -> str:
    change = Change(evidence)
    again = words.deployment(change.deployment("DP-2"), change.frame())
    change.deploy([*change.released(), again])
    return change.commit


@forge
def deployment_approval_of_another_commit(evidence: Evidence) -> str:
    first = Change(evidence)
    leave = evidence.sign(first.released()[0])
    git(evidence.root, "commit", "-q", "--amend", "-m", "work, reworded")
    second = Change(evidence, git(evidence.root, "rev-parse", "HEAD"))
    second.attest()
    evidence.keep(second.commit, leave, evidence.sign(second.released()[1]))
    return second.commit


@forge
def deployment_signed_by_devops(evidence: Evidence) -> str:
    change = Change(evidence)
    leave, told = change.released()
    own = replace(edited(told, factory={"signer": "devops@factory.invalid"}), signer="devops")
    change.deploy([leave, told, own])
    return change.commit


def with_check(change: Change, id: str, **row: str) -> Deployment:
    one = change.deployment()
    rows = tuple(CheckRow(id=id, **row) if one.id == id else one for one in one.checks[0].rows)  # type: ignore[arg-type]
    return structs.replace(one, checks=(structs.replace(one.checks[0], rows=rows),))


@forge
def deployment_with_a_gap(evidence: Evidence) -> str:
    change = Change(evidence)
    change.deploy(change.released(with_check(change, "V07", verdict="gap", reason="not run")))
    return change.commit


@forge
def deployment_with_32_checks(evidence: Evidence) -> str:
    change = Change(evidence)
    leave, told = change.released()
    change.deploy([leave, edited(told, checks=told.statement["predicate"]["checks"][:-1])])
    return change.commit


@forge
def deployment_of_another_tree(evidence: Evidence) -> str:
    return deployed(evidence, tree="0" * 40)


# --- levels that somebody says --------------------------------------------------------------------


@forge
def nobody_touched_the_hardware_key(evidence: Evidence) -> str:
    return by_hardware(evidence, is_touched=False)


def by_hardware(evidence: Evidence, *, is_touched: bool) -> str:
    key = HardwareKey(evidence.root.parent)
    text = trust_of(evidence.keys).replace(make_key(evidence.keys, "supervisor"), key.public)
    commit(evidence.root, {TRUST: text}, "a hardware key")
    change = Change(evidence)
    smoke, review, approval = change.drafts()
    lines = [evidence.sign(smoke), evidence.sign(review), key.sign(approval, is_touched=is_touched)]
    evidence.keep(change.commit, *lines, change.landing(lines))
    return change.commit


@forge
def factory_says_that_ci_ran_it(evidence: Evidence) -> str:
    return spoilt(evidence, 0, factory={"runner": "ci"})


@forge
def sound_evidence(evidence: Evidence) -> str:
    change = Change(evidence)
    change.attest()
    return change.commit


assert "ci" in TRUSTED
