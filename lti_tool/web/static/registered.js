// Tells the platform that its window can go (LTI Dynamic Registration 1.0, section 3.7). It holds nothing secret,
// and the platform's origin is not known to a page that it opened, so the message goes to whoever opened it.
(window.opener || window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, "*");
