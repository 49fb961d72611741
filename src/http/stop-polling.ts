/** Nothing that was asked for goes on: whoever polls stops, and so does htmx where it does. */
export const stopPolling = 286;
