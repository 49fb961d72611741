/** Of a form that was not taken, and is not lost. */
export const keptTexts = {
  heading: 'Nothing was done yet',
  signedIn: 'You are signed in again',
  afterSignIn:
    'What you sent when your session was over has waited for you. Nothing was done with it yet.',
  old: 'This form is older than your session, so nothing was done with it.',
  toSignIn: 'Your session is over, so nothing was done. Sign in, and what you typed comes back.',
  show: 'Show what I typed',
  showHint: 'It is only shown: look at it, then send it.',
  send: 'Send it now',
  sendHint: 'It is done as you sent it.',
};
