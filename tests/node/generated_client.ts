// Submits, polls and pages with types that are made from the OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Job = components["schemas"]["Job"];

const [url, key, media] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

const preview: components["schemas"]["PreviewJob"] = {
  operation: "preview",
  url: media,
  params: { preview_type: "thumbnail", width: 64 },
};

async function ended(id: string): Promise<Job> {
  for (;;) {
    const { data, error } = await client.GET("/v1/jobs/{job_id}", {
      params: { path: { job_id: id }, query: { wait: 20 } },
    });
    if (error) throw new Error(error.message);
    if (data.state === "succeeded" || data.state === "failed") return data;
  }
}

async function allIds(limit: number): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await client.GET("/v1/jobs", { params: { query: { limit, cursor } } });
    if (error) throw new Error(error.message);
    ids.push(...data.items.map((item) => item.job_id));
    cursor = data.next_cursor ?? undefined;
  } while (cursor);
  return ids;
}

const sent = [];
for (const body of [preview, { operation: "probe" as const, url: media }]) {
  const { data, error } = await client.POST("/v1/jobs", { body });
  if (error) throw new Error(error.message);
  sent.push(data.job_id);
}
const jobs = await Promise.all(sent.map(ended));
const wrong = await client.POST("/v1/jobs", {
  // @ts-expect-error: no such parameter
  body: { operation: "transcode", url: media, params: { heigth: 720 } },
});
console.log(
  JSON.stringify({
    sent,
    states: jobs.map((job) => job.state),
    outputs: jobs.map((job) => job.outputs.map((output) => output.name)),
    listed: await allIds(1),
    refused: wrong.error?.details.suggestion,
  }),
);
