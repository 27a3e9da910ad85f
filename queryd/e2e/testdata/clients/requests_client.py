# As people write it in Python with requests.
import base64, os
import requests
base, key = os.environ["BASE"], os.environ["KEY"]
with open(os.environ["PHOTO"], "rb") as photo:
    image = base64.b64encode(photo.read()).decode("utf-8")
response = requests.post(base + "/faces", params={"key": key}, json={"queryImageBase64": image}, timeout=30)
response.raise_for_status()
match = response.json()["faceMatches"][0]
assert match["similarity"] > 90 and match["faceId"] and match["uuid"]
assert requests.get(match["matchedImageUrl"], timeout=30).headers["Content-Type"] == "image/jpeg"
people = requests.get(base + "/sexoffender", params={"key": key, "firstName": "Rowan", "lastName": "Testcase", "fuzzy": "true"}, timeout=30).json()
assert people["offenders"][0]["uuid"] == match["uuid"], people
refused = requests.get(base + "/sexoffender", params={"key": key}, timeout=30)
assert refused.status_code == 400 and refused.json()["reason"] == "no query params presented", refused.text
assert requests.post(base + "/faces", json={"queryImageBase64": image}, timeout=30).json() == {"code": 401, "message": "Missing API key"}
print("ok:", match["offender"]["firstName"], match["offender"]["lastName"])
