// The call that VideoConduit's "List Jobs" shows, with fetch.
const [base, key] = process.argv.slice(2);
const response = await fetch(
  `${base}/v1/jobs?status=completed&limit=20`,
  { headers: { "Authorization": `Bearer ${key}` } }
);
const data = await response.json();
const lines = [];
data.items.forEach(job => lines.push([job.job_id, job.status]));
console.log(JSON.stringify({ lines, has_more: data.has_more, next_cursor: data.next_cursor }));
