/** The head of a request, as it was understood. */

/** One parsed head. `error` is 0, or the status with which the connection is answered and closed. */
export class Head {
  error = 0;
  method = "";
  target = "";
  /** 0 or 1: the minor version of HTTP/1.x. */
  minor = 1;
  keepAlive = true;
  /** Whether the target is a path that needs no decoding and no escaping in the log, without a query. */
  isPlainPath = false;
  /** Whether a precondition or a range asks for more than the plain file. */
  isConditional = false;
  hasHost = false;
  /** Bytes of content that follow the head; -1 when it comes in chunks. */
  contentLength = 0;
  hasContentLength = false;
  hasTransferEncoding = false;
  transferEncoding = "";
  expect = "";
  connection = "";
  acceptEncoding = "";
  hasAcceptEncoding = false;
  ifMatch = "";
  ifNoneMatch = "";
  ifModifiedSince = "";
  ifUnmodifiedSince = "";
  ifRange = "";
  range = "";
  referer = "";
  userAgent = "";
  xForwardedFor = "";
  forwarded = "";
  /** What the log made of these fields, as long as they are the same. */
  logTail = "";
  logPeer = "";
  logClient = "";
}
