// Uploads a file with tus-js-client, as its documentation says, and prints what became of it.
// Arguments: endpoint, API key, path, options as JSON: those of tus-js-client, and
//   stream: read the file as a stream, whose length nobody knows before its end
//   storage: the file in which URLs are remembered, for another process that goes on
//   stop_at: end this process, without a word to the server, once so many bytes are acknowledged
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough } from 'node:stream';
import * as tus from 'tus-js-client';

const [endpoint, key, path, text] = process.argv.slice(2);
const { stream, storage, stop_at: stopAt, ...options } = JSON.parse(text);
// tus-js-client 4.3 promises a whole last chunk of a file's own stream whose length is deferred, and
// sends less: a pipe has no file behind it that the client could know.
const source = stream
  ? createReadStream(path).pipe(new PassThrough())
  : storage
    ? createReadStream(path)
    : await readFile(path);
const requests = [];

const upload = new tus.Upload(source, {
  endpoint,
  retryDelays: [0, 200, 500],
  metadata: { filename: basename(path), filetype: 'application/octet-stream' },
  ...(storage && { urlStorage: new tus.FileUrlStorage(storage) }),
  ...options,
  headers: { Authorization: `Bearer ${key}`, ...options.headers },
  onAfterResponse: (request, response) => {
    requests.push([request.getMethod(), response.getStatus(), request.getHeader('Upload-Concat')]);
  },
  onChunkComplete: (size, accepted) => {
    if (stopAt && accepted >= stopAt) tell();
  },
  onError: (error) => tell(String(error)),
  onSuccess: () => tell(),
});

function tell(error) {
  console.log(JSON.stringify({ url: upload.url, error, requests }));
  process.exit(0);
}

if (storage) {
  const [previous] = await upload.findPreviousUploads();
  if (previous) upload.resumeFromPreviousUpload(previous);
}
upload.start();
