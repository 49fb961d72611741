export const ownPagesTexts = {
  viewFailed: (view: string) =>
    `The template of this page, ${view.split('/').slice(-2).join('/')}, could not be drawn. Whoever runs this site finds the reason in its log.`,
};
