/** What a handler threw, as the Status that clients understand. */
import { HttpError } from "../../http/error.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { ApiError, statusOf } from "../errors.ts";

const CLIENT_GONE = 499;

/** `onBug` hears of what nobody threw on purpose. */
export function failureReply(error: unknown, onBug: (error: unknown) => void): Reply {
  if (error instanceof ApiError) {
    const retry = error.details?.retryAfterSeconds;
    return json(error.httpStatus, statusOf(error), retry === undefined ? {} : { "retry-after": retry });
  }
  if (error instanceof HttpError)
    return json(error.status === CLIENT_GONE ? 400 : error.status, { ...statusOf(new ApiError("BadRequest", error.message)), code: error.status });
  onBug(error);
  return json(500, statusOf(new ApiError("InternalError", "Internal error occurred: this is a bug in strata")));
}
