// The call that ittybit's "Get Job" page shows.
const [base, key, id] = process.argv.slice(2);
process.env.ITTYBIT_API_KEY = key;
const res = await fetch(`${base}/jobs/${id}`, {
  headers: {
    Authorization: `Bearer ${process.env.ITTYBIT_API_KEY}`,
  },
});
const data = await res.json();
console.log(JSON.stringify({ status: res.status, body: data }));
