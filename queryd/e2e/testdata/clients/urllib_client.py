# As people write it in Python without any package.
import base64, json, os
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
base, key = os.environ["BASE"], os.environ["KEY"]
with open(os.environ["PHOTO"], "rb") as photo:
    body = json.dumps({"queryImageBase64": base64.b64encode(photo.read()).decode("ascii")}).encode()
post = Request(base + "/faces?" + urlencode({"key": key}), body, {"Content-Type": "application/json"})
match = json.load(urlopen(post, timeout=30))["faceMatches"][0]
people = json.load(urlopen(base + "/sexoffender?" + urlencode({"key": key, "uuid": match["uuid"]}), timeout=30))
assert people["offenders"][0]["lastName"] == "Testcase", people
try:
    urlopen(base + "/sexoffender?" + urlencode({"key": "nonsense", "lastName": "x"}), timeout=30)
    raise SystemExit("a wrong key is accepted")
except HTTPError as refused:
    assert refused.code == 401 and json.load(refused)["code"] == 401
print("ok:", match["offender"]["firstName"], match["offender"]["lastName"])
