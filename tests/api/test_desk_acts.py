"""Every act of the desk has an operation of the API for the same role, or a reason why there is none."""

import sys

from petition.team.api_tokens.scopes import ROLES_BY_SCOPE

OWN_ACCOUNT = "outside: of the account that is signed in"
ADMIN = "outside: administrators', as accounts and their rights are"
FORM = "none: renders what a form holds, and changes nothing"
BY_A_PERSON = "none: who asks is identified by a person, who answers for it"
# By endpoint: the operation, or why there is none.
ACTS = {
    "petition_lifecycle.do": "change_state",
    "desk_petitions.create": "create_petition",
    "desk_petitions.duplicate": "copy_petition",
    "desk_petitions.preview": FORM,
    "desk_petitions.save": "change_petition",
    "data_kept.hand_over": "record_handover",
    "desk_documents.create": "request_dossier",
    "desk_documents.download": "fetch_dossier",
    "desk_legal.remove": "delete_petition_notice",
    "desk_legal.save_petition": "write_petition_notice",
    "desk_legal.save_site": "write_site_notice",
    "desk_mailings.copy": "copy_mailing",
    "desk_mailings.pause": "act_on_mailing",
    "desk_mailings.test": "act_on_mailing",
    "desk_mailings.unschedule": "act_on_mailing",
    "desk_signature.do": "act_on_signature",
    "draft_preview.revoke": "void_draft_links",
    "draft_preview.share": "make_draft_link",
    "exports.download": "export_signatures",
    "integrity.act": "act_on_clusters",
    "integrity.act_on_ticked": "act_on_clusters",
    "integrity.watch": "act_on_clusters",
    "mailing_preview.searched": "find_recipients",
    "mailing_edit.make": "create_mailing",
    "mailing_edit.make_of_update": "create_mailing",
    "mailing_edit.save": "change_mailing",
    "name_review.decide": "decide_names",
    "name_review.undo": "undo_name_decision",
    "organisations.join": "merge_organisations",
    "organisations.logo": "change_organisation",
    "organisations.part": "change_organisation",
    "organisations.place": "change_organisation",
    "own_partnerships.leave": "outside: a partner's own, whose members decide it signed in",
    "own_partnerships.wording": "outside: a partner's own, whose members decide it signed in",
    "paper.add": "move_paper_import",
    "paper.add_line": "add_paper_line",
    "paper.columns": "move_paper_import",
    "paper.dates": "move_paper_import",
    "paper.discard": "move_paper_import",
    "paper.resume": "move_paper_import",
    "paper.stop": "move_paper_import",
    "paper.strike": "strike_paper_signature",
    "paper.undo": "move_paper_import",
    "paper.upload": "upload_paper_file",
    "paper_sheets.add": "add_paper_sheet",
    "paper_sheets.add_scan": "add_scan",
    "paper_sheets.delete_scan": "delete_scan",
    "paper_sheets.restore": "move_paper_sheet",
    "paper_sheets.strike": "move_paper_sheet",
    "partners.add_member": ADMIN,
    "partners.create": ADMIN,
    "partners.remove_member": ADMIN,
    "partners.save": ADMIN,
    "partnerships.join": "add_partner",
    "partnerships.leave": "end_partnership",
    "partnerships.save": "change_partner",
    "person_requests.extend": BY_A_PERSON,
    "person_requests.perform": BY_A_PERSON,
    "person_requests.record": BY_A_PERSON,
    "person_requests.refuse": BY_A_PERSON,
    "petition_images.delete": "delete_image",
    "petition_images.upload": "add_image",
    "petition_updates.create": "create_update",
    "petition_updates.delete": "delete_update",
    "petition_updates.preview": FORM,
    "petition_updates.save": "change_update",
    "petition_updates.take_back": "take_back_update",
    "postponement.postpone": ADMIN,
    "mailing_sending.cancel": "act_on_mailing",
    "mailing_sending.extend": "act_on_mailing",
    "mailing_sending.plan": "act_on_mailing",
    "mailing_sending.resume": "act_on_mailing",
    "mailing_sending.retry": "act_on_mailing",
    "signature_bulk.fix": "prepare_bulk_action",
    "signature_bulk.start": "move_bulk_action",
    "signature_bulk.stop": "move_bulk_action",
    "signature_bulk.undo": "move_bulk_action",
    "signature_search.ask": "search_signatures",
}
# A token makes no other, and no webhook: what is revoked would live on.
NOT_FOR_TOKENS = ("api_tokens.", "webhooks.")


def list_operations(client):
    """Return the scope of each operation that a token is for, by its name."""
    paths = client.get("/api/v1/openapi.json").json["paths"]
    found = [one for path in paths.values() for one in path.values() if isinstance(one, dict) and one.get("security")]
    return {one["operationId"]: one["security"][-1]["token"][0] for one in found if "token" in one["security"][-1]}


def test_every_act_of_the_desk_has_its_operation_or_a_reason(app, client):
    acts = {
        rule.endpoint for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and rule.rule.startswith("/desk/") and not rule.endpoint.startswith(NOT_FOR_TOKENS)
    }  # fmt: skip
    assert sorted(acts) == sorted(ACTS)
    operations = list_operations(client)
    named = {name for name in ACTS.values() if not name.startswith(("none: ", "outside: "))}
    assert named - set(operations) == set()


def test_an_operation_asks_for_a_role_that_has_the_act_at_the_desk(app, client):
    operations = list_operations(client)
    for endpoint, operation in ACTS.items():
        if operation in operations:
            access = sys.modules[app.blueprints[endpoint.partition(".")[0]].import_name].ACCESS
            for role in ROLES_BY_SCOPE[operations[operation]]:
                assert role in access, (endpoint, operation)
