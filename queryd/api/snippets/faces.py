import base64, json, os, urllib.request

with open("demo.jpg", "rb") as file:
    photo = base64.b64encode(file.read()).decode()
request = urllib.request.Request(
    os.environ["LINEUP_URL"] + "/faces",
    data=json.dumps({"queryImageBase64": photo}).encode(),
    headers={"X-API-Key": os.environ["LINEUP_KEY"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as answer:  # raises for an error: never read one as "nobody"
    matches = json.load(answer)["faceMatches"]
    for match in matches:
        person = match["offender"] or {}
        print(f'{match["similarity"]:.1f}', person.get("firstName"), person.get("lastName"), person.get("offenderUrl"))
    print(f'{len(matches)} matches; searched {answer.headers["X-Coverage"]} registries')
