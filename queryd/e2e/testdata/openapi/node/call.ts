// Calls a server by the client that is generated from openapi.yaml. node call.js URL KEY PHOTO_IN_BASE64
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };
const [, , baseUrl, key, photo] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { "X-API-Key": key } });
const records = await client.GET("/sexoffender", { params: { query: { firstName: "Rowan", lastName: "Testcase" } } });
const faces = await client.POST("/faces", { body: { queryImageBase64: photo, details: true, ageMin: 20 } });
const watch = await client.POST("/v1/watches", { body: { zipcode: "00001" } });
const ended = await client.DELETE("/v1/watches/{id}", { params: { path: { id: watch.data!.id } } });
const wrong = await client.GET("/sexoffender", { params: { query: { zipcode: "1" } } });
console.log(records.data!.offenders[0].name, records.data!.totalPages, faces.data!.search!.outcome, ended.response.status,
  (wrong.error as { reason: string }).reason);
