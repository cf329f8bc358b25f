// The call that Dolby.io's "Job Management" page shows, with fetch.
const [base, api_token, query = ''] = process.argv.slice(2);
const config = {
  method: 'get',
  headers: {
    Authorization: `Bearer ${api_token}`,
    'Content-Type': 'application/json',
    Accept: 'application/json',
  },
};
const response = await fetch(`${base}/media/jobs${query}`, config);
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
