// The call that VideoConduit's "Get Job Status" shows, with fetch.
const [base, key, id] = process.argv.slice(2);
const response = await fetch(
  `${base}/v1/jobs/${id}`,
  { headers: { "Authorization": `Bearer ${key}` } }
);
const job = await response.json();
console.log(JSON.stringify({ status: job.status, download_url: job.download_url }));
