// A form that only shows what was typed needs no second press.
document.querySelector('main form[data-shows]')?.submit();
