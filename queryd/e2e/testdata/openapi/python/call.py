"""Calls a server by the client that is generated from openapi.yaml: call.py URL KEY PHOTO_IN_BASE64"""
import sys

from client import AuthenticatedClient
from client.api.copies import add_watch, delete_watch
from client.api.search import search_faces, search_offenders
from client.models import FaceRequest, WatchRequest

url, key, photo = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
records = search_offenders.sync(client=client, first_name="Rowan", last_name="Testcase")
faces = search_faces.sync(client=client, body=FaceRequest(query_image_base_64=photo, details=True, age_min=20))
watch = add_watch.sync(client=client, body=WatchRequest(zipcode="00001"))
ended = delete_watch.sync_detailed(client=client, id=str(watch.id))
wrong = search_offenders.sync(client=client, zipcode="1")
print(records.offenders[0].name, records.total_pages, faces.search.outcome, int(ended.status_code), wrong.reason)
