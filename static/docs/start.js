// Starts Swagger UI with the document that the page names. It stands in a file of its own so that the page needs no
// inline script, and its policy can forbid them.
const root = document.getElementById("reference");

window.ui = SwaggerUIBundle({
  url: root.dataset.document,
  domNode: root,
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  // Nothing is sent to a validator elsewhere.
  validatorUrl: null,
});
