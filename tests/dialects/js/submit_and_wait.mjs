// Pipelyn's submitJob and waitForJob: a form, then polls until a terminal state, then the file.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

const [base, key, path, preset] = process.argv.slice(2);
const headers = { 'x-api-key': key };
const form = new FormData();
form.append('media', new File([await readFile(path)], basename(path), { type: 'video/mp4' }));
form.append('preset', preset);
const submitted = await fetch(`${base}/media/jobs`, { method: 'POST', headers, body: form });
const accepted = await submitted.json();

let job = accepted;
while (job.status !== 'done' && job.status !== 'failed') {
  await new Promise((resolve) => setTimeout(resolve, 250));
  job = await (await fetch(`${base}/media/jobs/${accepted.jobId}`, { headers })).json();
}
const download = await fetch(job.downloadUrl, { headers });
const bytes = (await download.arrayBuffer()).byteLength;
console.log(
  JSON.stringify({
    submitStatus: submitted.status,
    accepted,
    job,
    download: {
      status: download.status,
      bytes,
      type: download.headers.get('content-type'),
      disposition: download.headers.get('content-disposition'),
      cache: download.headers.get('cache-control'),
    },
  }),
);
