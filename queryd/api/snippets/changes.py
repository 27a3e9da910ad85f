"""Keeps copies.json as the duty of whoever holds copies asks: run it once a minute."""
import json, os, urllib.error, urllib.parse, urllib.request


def ask(cursor):
    query = "?" + urllib.parse.urlencode({"cursor": cursor}) if cursor else ""
    request = urllib.request.Request(os.environ["LINEUP_URL"] + "/v1/changes" + query,
                                     headers={"X-API-Key": os.environ["LINEUP_KEY"]})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def follow(state):
    more = True
    while more:
        page = ask(state["cursor"])
        for change in page["changes"]:
            if change["kind"] == "delisted":
                state["copies"].pop(change["uuid"], None)  # at once, whatever the reason
            else:
                state["copies"][change["uuid"]] = change["source"]  # read it anew: /sexoffender?uuid=...
        state["cursor"], more = page["cursor"], page["more"]


try:
    with open("copies.json") as file:
        state = json.load(file)
except FileNotFoundError:
    state = {"cursor": "", "copies": {}}
try:
    follow(state)
except urllib.error.HTTPError as error:
    if error.code != 410:
        raise
    state = {"cursor": "", "copies": {}}  # cursor_expired: start over, and hold nobody who is not listed now
    follow(state)
with open("copies.json", "w") as file:
    json.dump(state, file)
print(len(state["copies"]), "listed")
