# As people write it in Python: urllib, or requests where it is installed.
import base64, json, os
base, key = os.environ["BASE"], os.environ["KEY"]
with open(os.environ["PHOTO"], "rb") as photo:
    body = {"queryImageBase64": base64.b64encode(photo.read()).decode("utf-8")}
try:
    import requests
    found = requests.post(base + "/faces", params={"key": key}, json=body, timeout=30).json()
    people = requests.get(base + "/sexoffender", params={"key": key, "firstName": "Rowan", "lastName": "Testcase"}, timeout=30).json()
except ImportError:
    from urllib.parse import urlencode
    from urllib.request import Request, urlopen
    post = Request(base + "/faces?" + urlencode({"key": key}), json.dumps(body).encode(), {"Content-Type": "application/json"})
    found = json.load(urlopen(post, timeout=30))
    people = json.load(urlopen(base + "/sexoffender?" + urlencode({"key": key, "firstName": "Rowan", "lastName": "Testcase"}), timeout=30))
match = found["faceMatches"][0]
assert match["similarity"] > 90 and match["faceId"] and match["uuid"] and match["matchedImageUrl"]
assert people["offenders"][0]["uuid"] == match["uuid"], people
print("ok:", match["offender"]["firstName"], match["offender"]["lastName"])
